"""A worker process that sends webhooks until it is killed."""

import asyncio
import sys

from daimon.db.engine import Database
from daimon.kit.clock import utc_now
from daimon.kit.safe_http import SafeHttp
from daimon.worker import webhooks

from .conftest import VAULT


async def _main(url: str) -> None:
    db = await Database.open(url, connections=4)
    async with SafeHttp(allow_insecure=True) as http:
        await webhooks.run(
            db, http=http, vault=VAULT, public_url="http://daimon.test", clock=utc_now, stop=asyncio.Event()
        )


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
