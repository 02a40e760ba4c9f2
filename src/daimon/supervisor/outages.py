"""What a database that cannot be used says, in one line and without its password."""

import contextlib
from collections.abc import Iterator

import asyncpg

from daimon.config_values import without_password
from daimon.supervisor.errors import CannotStart


@contextlib.contextmanager
def readable_outages(url: str) -> Iterator[None]:
    """Turn what is raised while `url` is used into CannotStart."""
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CannotStart(f"cannot use the database {without_password(url)}: {reason}") from error
