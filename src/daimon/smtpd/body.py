"""What is asked of the octets of a mail before it is kept. Their meaning is for later."""


def has_line_over(octets: bytes, limit: int) -> bool:
    """Tell whether a line, its CRLF not counted, is over `limit`; takes a step per `limit` octets, not per line."""
    start = 0
    while len(octets) - start > limit + 2:
        start = octets.rfind(b"\n", start, start + limit + 2) + 1
        if not start:
            return True
    return False


def has_received_over(octets: bytes, limit: int) -> bool:
    """Tell whether the header has more than `limit` Received fields (RFC 5321 §6.3)."""
    end = octets.find(b"\r\n\r\n")
    if 0 <= end < limit * len("Received:\r\n"):
        return False
    header = b"\n" + octets[: end if end >= 0 else len(octets)]
    return header.lower().count(b"\nreceived:") > limit
