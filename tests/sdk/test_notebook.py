"""The Python client in a notebook, whose cells run within an event loop: a kernel of Jupyter's."""

from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from e2e.serving import Serving, environment

CELLS = {
    "the loop of the kernel runs": "import asyncio; asyncio.get_running_loop()",
    "without await": """
from daimon_email import AsyncDaimonClient, DaimonClient
first = DaimonClient().inboxes.create()
client = DaimonClient(first.account_api_key)
assert [inbox.id for inbox in client.inboxes.list()] == [first.id]
assert next(client.events.stream(after=0)).inbox_id == first.id
""",
    "with await": """
other = AsyncDaimonClient(first.account_api_key)
made = await other.inboxes.create(display_name="Notebook")
assert [inbox.id async for inbox in other.inboxes.list(limit=1)] == [first.id, made.id]
waiting = asyncio.create_task(other.messages.wait(made.id, timeout=0.1))
assert client.whoami().scope == "account"
assert await waiting is None
""",
    "the same client in the next cell": """
async for event in other.events.stream(after=1):
    assert event.inbox_id == made.id
    break
await other.aclose()
""",
    "what a cell shows holds no key": "first",
}


@pytest.fixture
def kernel(served: Serving) -> Iterator[BlockingKernelClient]:
    """A kernel that knows where the server is."""
    manager, client = start_new_kernel(env=environment(DAIMON_BASE_URL=served.api))
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_both_clients_work_in_its_cells(kernel: BlockingKernelClient) -> None:
    """Calls that block, calls that are awaited at top level, and both at once."""
    shown = {name: run(kernel, cell) for name, cell in CELLS.items()}
    assert shown["what a cell shows holds no key"].startswith("CreatedInbox(id='inbox_")
    assert "dm_free_" not in shown["what a cell shows holds no key"]


def run(kernel: BlockingKernelClient, cell: str) -> str:
    """Run a cell, and return what it shows; it must not fail."""
    said: list[str] = []

    def hear(message: dict[str, dict[str, dict[str, str]]]) -> None:
        content = message["content"]
        assert "ename" not in content, content
        said.append(content.get("data", {}).get("text/plain", ""))

    kernel.execute_interactive(cell, timeout=60, output_hook=hear)
    return "".join(said)
