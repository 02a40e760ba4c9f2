"""Results, files and the package itself, with nobody to talk to."""

import copy
import io
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daimon_email import CreatedInbox, DaimonClient, File, Inbox, Mailbox, NoAnswer, Thread
from daimon_email._files import sent_files

TOLD = {"id": "inbox_1", "email": "a@d", "created_at": "2026-03-16T10:30:00.123Z", "metadata": {"a": 1}}


def test_a_result_cannot_be_changed_and_compares_by_what_it_tells() -> None:
    """Next steps are no part of it; a copy and a pickle are the same."""
    inbox = CreatedInbox._from_json({**TOLD, "inbox_api_key": "dm_free_x"}, ["next"])
    assert inbox.created_at == datetime(2026, 3, 16, 10, 30, 0, 123000, UTC)
    assert inbox == CreatedInbox._from_json({**TOLD, "inbox_api_key": "dm_free_x"})
    assert inbox != Inbox._from_json(TOLD)
    assert isinstance(inbox, Inbox)
    assert pickle.loads(pickle.dumps(inbox)) == copy.deepcopy(inbox) == inbox
    assert len({inbox, copy.copy(inbox)}) == 1
    assert "dm_free_x" not in repr(inbox)
    assert "email='a@d'" in repr(inbox)
    with pytest.raises(AttributeError, match="cannot be changed"):
        inbox.email = "b@d"  # type: ignore[misc]


def test_a_result_is_json_again() -> None:
    """As the server told it."""
    assert Inbox._from_json(TOLD).to_dict() == TOLD | {"created_at": "2026-03-16T10:30:00.123000Z"}


def test_a_result_can_be_made_for_tests() -> None:
    """By its fields; what may be left out is None."""
    assert Mailbox(address="a@d").name is None
    with pytest.raises(AttributeError, match="no 'subject'"):
        _ = Thread(id="thr_1").subject  # type: ignore[call-arg]


def test_files_are_made_of_octets_paths_and_streams(tmp_path: Path) -> None:
    """The type is told by the name; what has none must be given one."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a")
    with path.open("rb") as stream:
        sent = sent_files([File("x", b"a"), path, stream, File.from_path(path, filename="b.tar.gz", content_id="c")])
    assert {each["content"] for each in sent} == {"YQ=="}
    assert [(each["filename"], each["content_type"]) for each in sent] == [
        ("x", "application/octet-stream"),
        ("a.csv", "text/csv"),
        ("a.csv", "text/csv"),
        ("b.tar.gz", "application/octet-stream"),
    ]
    assert sent[3]["content_id"] == "c"
    with pytest.raises(ValueError, match="filename"):
        sent_files([io.BytesIO(b"a")])


def test_importing_costs_little() -> None:
    """httpx, and asyncio, are imported when somebody needs them; so is each resource."""
    program = (
        "import sys; from daimon_email import DaimonClient, errors; before = set(sys.modules);"
        "client = DaimonClient(base_url='http://daimon.test');"
        "assert not {'httpx', 'asyncio', 'daimon_email.resources.inboxes'} & before, before;"
        "client.inboxes; assert 'httpx' in sys.modules and 'daimon_email.resources.messages' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


async def test_the_blocking_client_works_while_a_loop_runs() -> None:
    """As in a notebook, whose cells run in one."""
    with DaimonClient(base_url="http://127.0.0.1:1", max_retries=0) as client, pytest.raises(NoAnswer):
        client.whoami()
