"""Why a command of the operator's was not done."""


class NotDone(Exception):
    """What was asked for cannot be done."""
