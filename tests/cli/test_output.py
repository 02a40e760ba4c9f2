"""What people read: no stranger's text moves the cursor, and columns stand below each other."""

import io
import json

import pytest

from daimon.cli import terminal
from daimon.cli.api import showing, steps
from daimon.cli.api.progress import Progress
from daimon.operate import output

HOSTILE = "a\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J\x08\r\u202exe\u2066"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\ufffd[2Jb"),
        ("a\x9b2Jb", "a\ufffd2Jb"),
        ("a\x7f\x08b", "a\ufffd\ufffdb"),
        ("a\u202eb\u2066c", "a\ufffdb\ufffdc"),
        ("a\u00a0b\u3000c\u202fd\te", "a b c d e"),
        ("so\u00adft\u200bspace\ufeff", "softspace"),
        ("日本 🎉 é", "日本 🎉 é"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    """Spaces stay spaces, and what shows nothing is left out."""
    assert output.plain(text) == shown


def test_wide_and_combining_characters_keep_columns_straight() -> None:
    """A table's second column begins below its title."""
    rows = [{"subject": "日本語 🎉", "n": "x"}, {"subject": "e\u0301tude", "n": "x"}, {"subject": "plain", "n": "x"}]
    title, *lines = output.as_table(rows, ("subject", "n")).splitlines()
    assert {output.width(line[: line.index("x")]) for line in lines} == {title.index(" n") + 1}


@pytest.mark.parametrize("most", [60, 80, 120])
def test_a_table_is_not_wider_than_the_terminal(most: int) -> None:
    """Long texts are cut, then columns left out; an id is always whole."""
    row = {
        "id": "inbox_0198c5f2a7d47c3e8f0a1b2c3d4e5f60",
        "subject": "日" * 60,
        "status": "active",
        "created_at": "2026",
    }
    table = output.as_table([row, row], tuple(row), most)
    assert all(output.width(line) <= most for line in table.splitlines())
    assert table.count(row["id"]) == 2


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (200, ("id", "subject", "status", "at")),
        (76, ("id", "subject", "status")),
        (48, ("id", "subject")),
        (20, ("id",)),
    ],
)
def test_columns_are_left_out_before_texts_are_unreadable(most: int, shown: tuple[str, ...]) -> None:
    """The last first; what is left of a text can be read."""
    row = {"id": "x" * 30, "subject": "word " * 12, "status": "received", "at": "2026-11-27T23:00:48Z"}
    title, line = output.as_table([row], tuple(row), most).splitlines()
    assert tuple(title.split()) == shown
    assert len(line) <= most or shown == ("id",)


def test_json_holds_nothing_that_a_terminal_would_obey() -> None:
    """And says the same."""
    value = {"subject": HOSTILE, "more": "日本 🎉 \U000e0041"}
    for written in (terminal.one_line_of_json(value, io.TextIOWrapper(io.BytesIO(), "utf-8")), output.as_json(value)):
        assert all(line.isprintable() for line in written.split("\n"))
        assert json.loads(written) == value
        assert "日本 🎉" in written
    assert terminal.one_line_of_json(value, io.TextIOWrapper(io.BytesIO(), "latin-1")).isascii()


def test_a_mail_is_shown_field_by_field(capsys: pytest.CaptureFixture[str]) -> None:
    """Addresses and codes in short, headers a line each, tabs as wide as they are, nothing hostile."""
    showing.tell({
        "from_name": HOSTILE,
        "to": [{"address": "ada@example.com", "name": "Ada"}, {"address": "bob@example.com", "name": None}],
        "codes": [{"code": "615243", "kind": "digits"}],
        "body_text": f"one\ttwo\n{HOSTILE}",
        "headers": {"subject": [HOSTILE], "x-a": ["b", "c"]},
        "read": False,
        "recipients": [{"address": "ada@example.com", "status": "queued"}],
        "links": [{"url": "https://example.com", "text": HOSTILE}],
    })  # fmt: skip
    shown = capsys.readouterr().out
    assert all(line.isprintable() for line in shown.splitlines())
    assert "Ada <ada@example.com>, bob@example.com" in shown
    assert "codes      615243" in shown
    assert "\nrecipients:\naddress          status\nada@example.com  queued\n" in shown
    assert "one     two" in shown
    assert "x-a: b, c" in shown
    assert "read       no" in shown


def test_dns_records_are_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """They are copied from there."""
    key = "v=DKIM1; k=rsa; p=" + "A" * 400
    showing.tell({"id": "dom_1", "records": [{"type": "TXT", "value": key}, {"type": "MX", "value": "a"}]})
    assert key in capsys.readouterr().out


def test_a_text_on_a_terminal_is_without_what_it_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where a character comes in two parts."""
    octets = f"Subject: {HOSTILE} é\r\n\r\nbody".encode()
    place = showing.Readable()
    for at in range(len(octets)):
        place.write(octets[at : at + 1])
    shown = capsys.readouterr().out
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown.endswith("é\n\nbody")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"inbox_api_key": "dm_free_CP74inXX"}, "dm_free_… (--show-secret)"),
        ({"secret": "whsec_abcdef"}, "whsec_… (--show-secret)"),
        ({"password": "hunter22hunter"}, "… (--show-secret)"),
        ({"deep": [{"token": "Vq8xJ2mN"}]}, "… (--show-secret)"),
    ],
)
def test_of_a_secret_nothing_is_shown_but_its_kind(value: object, shown: str) -> None:
    """At any depth."""
    assert shown in json.dumps(showing.without_secrets(value), ensure_ascii=False)
    assert "CP74" not in str(showing.without_secrets(value))


@pytest.mark.parametrize(
    ("step", "command"),
    [
        ("List: GET /v1/inboxes.", "List: daimon inboxes list."),
        ("Read: GET /v1/inboxes/a@b.example/messages", "Read: daimon messages list a@b.example"),
        ("GET /v1/inboxes/inbox_1/messages/wait?timeout=60", "daimon messages wait inbox_1 --timeout 60"),
        ("GET /v1/inboxes/i/messages/wait?after=m&has_code=true", "daimon messages wait i --after m --has-code"),
        ('PATCH /v1/inboxes/i/messages/m {"read": true} does.', "daimon messages update i m --read does."),
        ('PATCH /v1/inboxes/i/drafts/d {"send_at": null}', "daimon drafts update i d --no-send-at"),
        ('POST /v1/inboxes/i/send {"to": ["a b"], "body": "@x"}', "daimon messages send i --to 'a b' --body @@x"),
        ('Again: POST /v1/inboxes {"username": …}', 'Again: POST /v1/inboxes {"username": …}'),
        ("GET /v1/inboxes?nosuch=1", "GET /v1/inboxes?nosuch=1"),
        ("GET /v1/stream", "GET /v1/stream"),
        ("GET /v1/teams/{team_id}", "daimon teams get TEAM_ID"),
        ("Use the key.", "Use the key."),
    ],
)
def test_what_to_do_next_is_told_as_a_command(step: str, command: str) -> None:
    """Or as the API has it, where no command says the same."""
    assert steps.as_command(step) == command


def test_progress_reaches_its_end() -> None:
    """Of what has a length; of what has none, so far."""
    progress = Progress("Download")
    progress.moved(50, 100)
    assert progress.line().startswith(f"[{'#' * 15}{'.' * 15}] 50 %")
    progress.moved(100, 100)
    assert progress.line().startswith(f"[{'#' * 30}] 100 %")
    progress.moved(3_000_000, None)
    assert progress.line().startswith("Download: 3.0 MB")
