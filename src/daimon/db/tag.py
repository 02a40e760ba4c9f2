"""What PostgreSQL answers to a statement that returns no rows: its command tag, such as `DELETE 3`."""


def rows_in(tag: str) -> int:
    """Return how many rows a statement changed."""
    return int(tag.rpartition(" ")[2])
