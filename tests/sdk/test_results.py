"""Results, files and the package itself, with nobody to talk to."""

import copy
import io
import pickle
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daimon_email import (
    CreatedInbox,
    CreatedKey,
    DaimonClient,
    Download,
    File,
    Inbox,
    Mailbox,
    NoAnswer,
    Portal,
    Result,
    RotatedSecret,
    Thread,
    UpgradeLink,
)
from daimon_email._files import sent_files
from e2e.serving import environment

NOW = datetime(2026, 3, 16, tzinfo=UTC)
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


@pytest.mark.parametrize(
    "result",
    [
        Download(url="https://daimon.test/?token=dm_x", expires_at=NOW, content_type="text/plain", size=1),
        Portal(url="https://stripe.test/dm_x"),
        UpgradeLink(url="https://daimon.test/upgrade/dm_x", expires_at=NOW, target_tier="growth"),
        CreatedKey._from_json({"id": "key_1", "api_key": "dm_x"}),
        RotatedSecret._from_json({"id": "wh_1", "secret": "dm_x"}),
    ],
)
def test_no_repr_shows_what_lets_its_holder_in(result: Result) -> None:
    """Keys, secrets, and links that ask for neither."""
    assert "dm_x" not in repr(result)


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


def test_what_is_no_file_is_told_as_such(tmp_path: Path) -> None:
    """Also what people take for one: a path in a str, octets, a mapping, a text file, a single one."""
    path = tmp_path / "a.csv"
    path.write_text("a")
    for odd in (str(path), b"a", {"filename": "a.csv", "content": "YQ=="}, ("a.csv", b"a"), None):
        with pytest.raises(TypeError, match="an attachment is a File, a Path or a stream"):
            sent_files([odd])  # type: ignore[list-item]
        with pytest.raises(TypeError):
            sent_files(odd)  # type: ignore[arg-type]
    with path.open() as text, pytest.raises(TypeError, match="octets, not str"):
        sent_files([text])  # type: ignore[list-item]
    with path.open("rb") as stream:
        for single in (stream, path, File("a.csv", b"a")):
            with pytest.raises(TypeError, match="a list of files"):
                sent_files(single)  # type: ignore[arg-type]


def test_a_file_that_has_no_name_is_given_one() -> None:
    """`None` is no name, nor is the number by which the system knows it."""
    with tempfile.TemporaryFile() as numbered, tempfile.SpooledTemporaryFile() as unnamed:
        for stream in (numbered, unnamed):
            with pytest.raises(ValueError, match="filename"):
                sent_files([stream])  # type: ignore[list-item]


def test_a_file_is_not_shown_whole() -> None:
    """It may be of many megabytes, and is nobody's business."""
    assert repr(File("a", b"secret")) == "File(filename='a', content_type='application/octet-stream', content_id=None)"


def test_importing_costs_little() -> None:
    """httpx, and asyncio, are imported when somebody needs them; so is each resource."""
    program = (
        "import sys; from daimon_email import DaimonClient, errors; before = set(sys.modules);"
        "client = DaimonClient(base_url='http://daimon.test');"
        "assert not {'httpx', 'asyncio', 'daimon_email.resources.inboxes'} & before, before;"
        "client.inboxes; assert 'httpx' in sys.modules and 'daimon_email.resources.messages' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_many_clients_cost_little() -> None:
    """As where each customer has a key: what TLS trusts is read once, unless somebody says it is something else."""
    program = (
        "import certifi, gc, os, ssl; from daimon_email import DaimonClient\n"
        "def clients(): return [DaimonClient(key, 'https://daimon.test') for key in ('dm_a', 'dm_b', 'dm_c')]\n"
        "def contexts(): return sum(isinstance(each, ssl.SSLContext) for each in gc.get_objects())\n"
        "held = clients(); assert contexts() == 1, contexts()\n"
        "os.environ['SSL_CERT_FILE'] = certifi.where(); held += clients(); assert contexts() == 2, contexts()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=environment())


async def test_the_blocking_client_works_while_a_loop_runs() -> None:
    """As in a notebook, whose cells run in one."""
    with DaimonClient(base_url="http://127.0.0.1:1", max_retries=0) as client, pytest.raises(NoAnswer):
        client.whoami()
