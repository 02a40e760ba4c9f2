"""docs/how-to/saas-on-one-account.md: its commands work, in their order, as they stand."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from serving import Serving, environment

PAGE = Path(__file__).parents[2] / "docs/how-to/saas-on-one-account.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What each block prints; those that only set variables print nothing.
PRINTED = [
    [],
    [],
    ["agent-1@customer-a.daimon.email", "agent-1@customer-b.daimon.email"],
    ["verification code", "INBOX_NOT_FOUND"],
    ["'max_inboxes': 5"],
    ["'received': 1", "'pod_id': 'pod_"],
    ["usage", "'name': 'Customer A'", "<h1>Statement "],
    ["INBOX_NOT_FOUND", "verification code"],
    [],
    ["suspended", "POD_NOT_EMPTY", "True"],
]


def test_the_commands_of_the_page_work(serve: Callable[..., Serving], data_dir: Path) -> None:
    """One shell runs all blocks; each prints what the page promises."""
    blocks = _BLOCK.findall(PAGE.read_text("utf-8"))
    assert len(blocks) == len(PRINTED)
    server = serve(data_dir).ready()
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = "\n".join(f"{block}echo; echo '== end of block =='" for block in blocks)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment(PATH=binaries, DAIMON_BASE_URL=server.api, DAIMON_SMTP_PORT=str(server.smtp_port)),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    printed = done.stdout.split("== end of block ==")
    for said, expected in zip(printed, PRINTED, strict=False):
        for each in expected:
            assert each in said, f"no {each!r} in\n{said}"
        assert expected or not said.strip(), said
