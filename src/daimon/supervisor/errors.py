"""Why the server does not start. Each message is one line for the person who starts it."""


class CannotStart(Exception):
    """The server cannot start."""
