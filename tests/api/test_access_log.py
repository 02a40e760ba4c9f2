"""The request log when its stream is in trouble."""

import io

from daimon.api.access_log import AccessLog

from .conftest import Edge


class _Full(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(28, "No space left on device")


async def test_a_full_disk_costs_log_lines_and_no_request(fresh_edge: Edge) -> None:
    """The stream raises, the answer is there all the same."""
    log = fresh_edge.services.access_log
    assert log is not None
    log._stream = _Full()
    assert (await fresh_edge.http.get("/healthz")).status_code == 200
    log.flush()
    assert isinstance(log, AccessLog)
