"""The OpenAPI document as a fuzzer: schemathesis calls every operation with good and bad input over a real socket."""

import asyncio
import sys
from pathlib import Path

import pytest

from .conftest import Edge

# Without these the inbox and its mail would be gone, or the poll would last.
_ENDS_THE_INBOX = ("delete_inbox", "rotate_inbox_key", "delete_message", "delete_thread")
_SECONDS = 12


async def _fuzz(edge: Edge, directory: Path, phase: str, key: str, parameters: dict[str, str], *options: str) -> None:
    lines = [f'"{name}" = "{value}"' for name, value in parameters.items()]
    (directory / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines]))
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{edge.port}/openapi.json",
        "--url", f"http://127.0.0.1:{edge.port}", "--checks", "not_a_server_error", "--phases", phase,
        "--max-examples", "15", "--max-time", str(_SECONDS), "--seed", "1", "--generation-deterministic",
        "--workers", "1", "-H", f"Authorization: Bearer {key}", "--no-color", *options,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@pytest.mark.slow
async def test_generated_requests_meet_no_server_error(edge: Edge, tmp_path: Path) -> None:
    """With an account's key and made-up ids, over the whole document."""
    account = await edge.open_account()
    await _fuzz(edge, tmp_path, "coverage", account.account_api_key, {"query.timeout": "0"})


@pytest.mark.slow
async def test_generated_requests_on_real_objects_meet_no_server_error(edge: Edge, tmp_path: Path) -> None:
    """With ids of objects that are there, so that the requests reach the database."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    url = f"/v1/inboxes/{account.id}/messages"
    answer = await edge.http.get(url, headers={"Authorization": f"Bearer {account.inbox_api_key}"})
    message = answer.json()["result"]["messages"][0]
    parameters = {
        "path.inbox_id": account.id,
        "path.message_id": message["id"],
        "path.thread_id": message["thread_id"],
        "path.attachment_id": message["attachments"][0]["id"],
        "query.timeout": "0",
    }
    excluded = [option for name in _ENDS_THE_INBOX for option in ("--exclude-operation-id", name)]
    await _fuzz(edge, tmp_path, "fuzzing", account.account_api_key, parameters, *excluded)
