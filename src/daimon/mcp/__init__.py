"""The API for models: tools and resources of the Model Context Protocol, over stdio and Streamable HTTP."""
