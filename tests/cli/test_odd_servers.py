"""What a command makes of a server that is none of ours, or not well."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from daimon import cli
from daimon.cli.api import profiles, running, waiting
from daimon.operate import following

INBOX = "agent-1@daimon.email"
Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class Odd:
    """A server that answers what the test says, request by request; the last answer is that of all others, too."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        odd = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                octets = self.rfile.read(int(self.headers.get("content-length", 0)))
                odd.asked.append((self.path, dict(self.headers)))
                answer = odd.answers.pop(0) if len(odd.answers) > 1 else odd.answers[0]
                answer(self, json.loads(octets) if octets else {})

            def do_POST(self) -> None:
                self.do_GET()

            def do_PATCH(self) -> None:
                self.do_GET()

            def do_DELETE(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def run(self, *words: str) -> int:
        """Run a command against it."""
        return cli.main([*words, "--base-url", self.url])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def says(status: int, octets: bytes, kind: str = "application/json", length: int | None = None, **more: str) -> Answer:
    """Answer that."""

    def answer(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(octets) if length is None else length))
        for name, value in more.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(octets)
        handler.close_connection = True

    return answer


def result(value: object) -> Answer:
    """Answer as the API does."""
    return says(200, json.dumps({"result": value, "next_steps": []}).encode())


def hangs_up(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
    """Answer nothing."""
    handler.close_connection = True


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Odd]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("DAIMON_API_KEY", "dm_free_0123456789")
    monkeypatch.delenv("DAIMON_PROFILE", raising=False)
    monkeypatch.setattr(running, "_AGAIN", (0.0, 0.0))
    monkeypatch.setattr(waiting, "_PAUSE", 0.01)
    server = Odd()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(301, b"", Location="https://other.example/"), "sends on to https://other.example/"),
        (says(200, b"<h1>hello</h1>", "text/html"), "is no API of daimon"),
        (says(200, b"{hell"), "is no API of daimon"),
        (says(200, b"[]"), "is no API of daimon"),
        (says(200, b"{}"), "is no API of daimon"),
        (says(200, b"[" * 200_000), "is no API of daimon"),
        (says(200, b"{}", length=500), "broke off in the middle"),
        (says(500, b"\x1b[31moops", "text/plain"), "the server answered 500"),
        (says(404, b'{"detail": "not found"}'), "the server answered 404"),
        (says(418, b'{"message": "\\u001b[2Jtea"}'), "\N{REPLACEMENT CHARACTER}[2Jtea"),
        (hangs_up, "cannot be reached"),
        *(
            (says(422, json.dumps({"message": "odd", field: odd}).encode()), "odd")
            for field in ("error", "code", "next_steps", "details", "upgrade_context")
            for odd in (5, True, [5], {"a": 5}, [[]])
        ),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_no_answer_of_ours_is_told(
    answer: Answer, told: str, as_json: bool, odd: Odd, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a line, or in an object; nothing stands on standard output, and nothing is done as if it had succeeded."""
    odd.answers = [answer]
    code = odd.run("inboxes", "list", *(["--json"] if as_json else []))
    out, err = capsys.readouterr()
    assert (code > 0, out) == (True, "")
    [line] = err.splitlines()
    assert line.isprintable()
    if as_json:
        assert json.loads(line)["message"]
    else:
        assert told in line


def test_a_lost_request_is_sent_again_as_what_it_was(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """With the same key, so that the mail is sent once; more than twice it is not."""
    odd.answers = [hangs_up, says(503, b'{"message": "later"}'), result({"id": "msg_1"})]
    assert odd.run("send", INBOX, "--to", "ada@example.com") == 0
    keys = {headers["Idempotency-Key"] for _, headers in odd.asked}
    assert (len(odd.asked), len(keys)) == (3, 1)
    odd.asked.clear()
    odd.answers = [says(503, b'{"message": "later"}')]
    assert odd.run("send", INBOX, "--to", "ada@example.com") == 9
    assert len(odd.asked) == 3
    odd.asked.clear()
    odd.answers = [says(503, b'{"message": "later"}', Retry_After="600")]
    assert odd.run("whoami") == 9
    assert len(odd.asked) == 1
    assert "later" in capsys.readouterr().err


@pytest.mark.parametrize("first", [hangs_up, says(502, b""), says(504, b"{}")])
def test_a_delete_is_sent_once(first: Answer, odd: Odd) -> None:
    """The second would say that there is no such thing."""
    odd.answers = [first, result({"deleted": True})]
    assert odd.run("inboxes", "delete", INBOX) == 9
    assert len(odd.asked) == 1


def test_a_request_whose_first_try_still_runs_is_asked_for_again(odd: Odd) -> None:
    """The server is about to answer the one whose connection was lost: its answer is that of both."""
    running = says(409, b'{"error": "REQUEST_IN_PROGRESS", "message": "still running"}')
    odd.answers = [hangs_up, running, result({"id": "msg_1"})]
    assert odd.run("send", INBOX, "--to", "ada@example.com") == 0
    odd.answers = [says(409, b'{"error": "CONFLICT", "message": "taken"}')]
    odd.asked.clear()
    assert odd.run("send", INBOX, "--to", "ada@example.com") == 5
    assert len(odd.asked) == 1


def test_a_wait_that_was_broken_off_asks_for_what_is_left(odd: Odd) -> None:
    """Not for the whole time anew: it would last longer than was asked for."""

    def breaks_off(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        time.sleep(0.05)  # some of the time passes
        hangs_up(handler, body)

    odd.answers = [breaks_off, breaks_off, result({"id": "msg_1"})]
    assert odd.run("messages", "wait", INBOX, "--timeout", "20") == 0
    asked = [float(path.partition("timeout=")[2]) for path, _ in odd.asked]
    assert asked == sorted(set(asked), reverse=True)


def test_a_base_url_may_end_in_the_version(odd: Odd) -> None:
    """As the clients have it: it is what other services call their base URL."""
    odd.answers = [result({"key_id": "key_1"})]
    assert cli.main(["whoami", "--base-url", f"{odd.url}/v1/"]) == 0
    assert [path for path, _ in odd.asked] == ["/v1/whoami"]


def test_a_file_is_fetched_from_behind_the_path_of_a_proxy(odd: Odd, tmp_path: Path) -> None:
    """Which the link names, too, if it is the public one."""
    link = result({"url": f"{odd.url}/mail/v1/downloads/abc"})
    odd.answers = [link, says(200, b"octets", "text/plain")]
    file = tmp_path / "a.txt"
    base = ["--base-url", f"{odd.url}/mail"]
    assert cli.main(["messages", "get-attachment", INBOX, "msg_1", "att_1", "--output", str(file), *base]) == 0
    assert file.read_bytes() == b"octets"
    assert odd.asked[1][0] == "/mail/v1/downloads/abc"


def test_an_account_is_not_deleted_by_the_way(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """A script says that it means it."""
    odd.answers = [result({"deleted": True})]
    assert odd.run("account", "delete") == 2
    assert not odd.asked
    assert "add --yes" in capsys.readouterr().err
    assert odd.run("account", "delete", "--yes") == 0


def test_a_wait_is_as_long_as_it_was_asked_for(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """Over many requests, and over a server that goes away meanwhile."""
    odd.answers = [result(None), hangs_up, hangs_up, hangs_up, result(None), result({"id": "msg_1"})]
    assert odd.run("messages", "wait", INBOX, "--timeout", "600", "--json") == 0
    assert json.loads(capsys.readouterr().out)["result"] == {"id": "msg_1"}
    asked = [path.partition("timeout=")[2] for path, _ in odd.asked]
    assert all(float(each) <= 60 for each in asked)
    odd.answers = [hangs_up]
    assert odd.run("messages", "wait", INBOX, "--timeout", "600") == 9


def test_all_pages_are_printed(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each thing; a cursor at the end of a feed is no further page."""
    odd.answers = [
        result({"inboxes": [{"id": "a", "api_key": "dm_free_1234"}], "next_cursor": "x", "total": 2}),
        result({"inboxes": [{"id": "b"}], "next_cursor": None, "total": 2}),
    ]
    assert odd.run("inboxes", "list", "--all", "--json") == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]
    assert [path for path, _ in odd.asked] == ["/v1/inboxes?limit=100", "/v1/inboxes?limit=100&cursor=x"]
    odd.answers = [result({"events": [{"event": "inbox.created"}], "next_cursor": "y", "has_more": False})]
    assert odd.run("events", "list", "--all") == 0
    assert capsys.readouterr().out.split() == ["event", "inbox.created"]
    odd.answers = [
        result({"inboxes": [{"id": "a"}], "next_cursor": "x"}),
        result({"inboxes": [{"id": "b"}], "next_cursor": None}),
    ]
    assert odd.run("inboxes", "list", "--all") == 0
    assert capsys.readouterr().out.split() == ["id", "a", "b"]


def test_a_file_is_there_whole_or_as_it_was(odd: Odd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the server breaks off, or refuses."""
    file = tmp_path / "account.zip"
    file.write_text("before")
    for answer in (says(200, b"PK", "application/zip", length=500), says(401, b'{"message": "no"}')):
        odd.answers = [answer]
        assert odd.run("account", "export", "--output", str(file)) > 0
        assert file.read_text() == "before"
    odd.answers = [says(200, b"PK", "application/zip")]
    assert odd.run("account", "export", "--output", str(file)) == 0
    assert file.read_bytes() == b"PK"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["account.zip"]
    assert odd.run("account", "export", "--output", str(tmp_path)) == 2
    assert "is a directory" in capsys.readouterr().err
    assert odd.run("account", "export", "--output", "/dev/null") == 0


@pytest.mark.parametrize(
    "words",
    [("keys", "rotate", "key_1"), ("keys", "create", "--scope", "account"), ("webhooks", "rotate-secret", "wh_1")],
)
def test_a_secret_that_would_be_lost_is_not_made(
    words: tuple[str, ...], odd: Odd, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is asked of the server."""
    assert odd.run(*words) == 2
    assert not odd.asked
    assert "add --show-secret to print it" in capsys.readouterr().err


def test_a_key_that_cannot_be_kept_any_more_is_shown(
    odd: Odd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk may have filled up meanwhile."""
    kept = tmp_path / "daimon" / "profiles.json"

    def breaks(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        kept.write_text("{")
        result({"id": "key_1", "api_key": "dm_free_new"})(handler, body)

    odd.answers = [breaks]
    assert odd.run("keys", "create", "--scope", "account", "--save", "mine") == 0
    out, err = capsys.readouterr()
    assert "dm_free_new" in out
    assert "could not be kept" in err


def test_null_and_switches_are_sent(odd: Odd) -> None:
    """As what they are."""
    heard: list[dict[str, Any]] = []

    def hears(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        heard.append(body)
        result({"id": "x"})(handler, body)

    odd.answers = [hears]
    assert odd.run("inboxes", "update", INBOX, "--no-display-name", "--metadata", "null") == 0
    assert odd.run("send", INBOX, "--to", "a@b.example", "--body", "@@ada", "--no-dry-run") == 0
    assert heard == [
        {"display_name": None, "metadata": None},
        {"to": ["a@b.example"], "body": "@ada", "dry_run": False},
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(301, b"", Location="https://other.example/"), "sends on to https://other.example/"),
        (says(200, b"hello", "text/html"), "is no API of daimon"),
        (says(404, b"no", "text/plain"), "the server answered 404"),
    ],
)
@pytest.mark.parametrize("words", [("events", "tail"), ("webhooks", "listen", "--forward", "http://127.0.0.1:9/")])
def test_what_has_no_events_is_not_followed_for_ever(
    words: tuple[str, ...], answer: Answer, told: str, odd: Odd, capsys: pytest.CaptureFixture[str]
) -> None:
    """No patience mends it."""
    odd.answers = [answer]
    assert odd.run(*words) in (4, 9)
    assert told in capsys.readouterr().err


def test_events_are_followed_through_a_server_that_has_too_much_to_do(
    odd: Odd, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a restart, when everybody comes back at once; whoever was never let in is told at once."""
    monkeypatch.setattr(following, "_PAUSES", (0.0,))
    head = b'id: 3\n\nid: 4\nevent: e\ndata: {"sequence": 4}\n\n'
    more = b'id: 4\n\nid: 5\nevent: e\ndata: {"sequence": 5}\n\n'
    busy = says(429, b'{"error": "RATE_LIMIT_EXCEEDED", "message": "Too many requests."}')
    odd.answers = [says(200, head, "text/event-stream"), busy, busy, says(200, more, "text/event-stream")]
    assert odd.run("events", "tail", "--count", "2", "--json") == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["sequence"] for line in out.splitlines()] == [4, 5]
    assert err.count("No connection") == 1
    assert odd.asked[-1][0].endswith("after=4")
    odd.answers = [busy]
    assert odd.run("events", "tail") == 8


def test_a_key_that_is_kept_is_not_written_over_by_the_way(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody could ever see it again; the key that a rotation ended, nobody needs."""
    odd.answers = [result({"id": "key_1", "api_key": "dm_free_first"})]
    assert odd.run("keys", "create", "--scope", "account", "--save", "mine") == 0
    odd.asked.clear()
    assert odd.run("keys", "create", "--scope", "account", "--save", "mine") == 2
    assert not odd.asked
    assert "there is a key in the profile 'mine' already" in capsys.readouterr().err
    assert profiles.read()["mine"]["api_key"] == "dm_free_first"
    odd.answers = [result({"id": "key_1", "api_key": "dm_free_second"})]
    assert odd.run("keys", "rotate", "key_1", "--save", "mine") == 0
    assert profiles.read()["mine"]["api_key"] == "dm_free_second"


def test_a_key_can_be_kept_and_shown(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """Both flags mean what they say."""
    odd.answers = [result({"id": "key_1", "api_key": "dm_free_both"})]
    assert odd.run("keys", "create", "--scope", "account", "--save", "mine", "--show-secret") == 0
    assert "dm_free_both" in capsys.readouterr().out
    assert profiles.read()["mine"]["api_key"] == "dm_free_both"


def test_a_rotation_that_is_shown_is_kept_by_its_own_profile(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """The key that it holds has ended, or will; another key that is rotated is shown alone."""
    odd.answers = [result({"id": "key_1", "api_key": "dm_free_first"})]
    assert odd.run("keys", "create", "--scope", "account", "--save", "mine") == 0
    for key_id, kept in (("key_2", "dm_free_first"), ("key_1", "dm_free_second")):
        odd.answers = [
            result({"scope": "account", "key_id": "key_1"}),
            result({"id": key_id, "api_key": "dm_free_second"}),
        ]
        assert odd.run("keys", "rotate", key_id, "--profile", "mine", "--show-secret") == 0
        assert "dm_free_second" in capsys.readouterr().out
        assert profiles.read()["mine"]["api_key"] == kept
