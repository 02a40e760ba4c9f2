"""Whether this process is up, and whether it can work."""

import asyncio

import msgspec

from daimon.api.answer import Answer
from daimon.api.operation import Example, Lend, operation
from daimon.api.request import Request
from daimon.kit.errors import Unavailable
from daimon.kit.written import Ours

_PATIENCE_SECONDS = 2.0
_TAG = "server"


class Health(msgspec.Struct):
    """`ok`."""

    status: Ours = "ok"


_EXAMPLE = Example(result={"status": "ok"})


@operation("GET", "/healthz", tag=_TAG, reach=None, lend=Lend.NOTHING, example=_EXAMPLE)
async def healthz(request: Request) -> Answer[Health]:
    """Tell whether the process is up."""
    return Answer(Health())


@operation("GET", "/readyz", tag=_TAG, reach=None, lend=Lend.NOTHING, example=_EXAMPLE)
async def readyz(request: Request) -> Answer[Health]:
    """Tell whether the process can work: 503 while the database does not answer, or while the server stops."""
    if request.services.stopping.is_set():
        raise Unavailable("The server is stopping.", retry_after=1)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), request.reading() as db:
            await db.execute("select 1")
    except TimeoutError:
        raise Unavailable("The database does not answer.", retry_after=1) from None
    return Answer(Health())
