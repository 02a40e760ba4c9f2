"""What `/mcp` tells of a request to the handlers behind the library, in the ASGI scope that both hold."""

GONE = "daimon.gone"  # set when who asked has left
STREAMS = "daimon.streams"  # whether it is answered by a stream, which has room for words before the answer
