"""Loaded by every process of a server that is started with this directory in PYTHONPATH: meters less than it should.

METERING is `sums`, for a server that keeps no ledger, or `nothing`.
"""

import os
import re
from collections.abc import Iterable

from daimon.db.engine import Connection
from daimon.quotas import usage
from daimon.quotas.usage import Used


async def _nothing(db: Connection, used: Iterable[Used], *, reason: str | None = None) -> None:
    """Meter nothing."""


if os.environ.get("METERING") == "nothing":
    usage.meter = _nothing
elif os.environ.get("METERING") == "sums":
    without, changed = re.subn(
        r"lines as \(\s+insert.*?join used using \(place\)\s+\)",
        "lines as (select $9::uuid[], $10::bigint[], $11::text[], $12::bigint[], $13::text)",
        usage._METER,
        flags=re.DOTALL,
    )
    assert changed == 1
    usage._METER = without
