"""Signatures, as two verifiers that are not ours see them: dkimpy, and mailauth for Node.js."""

import base64
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.mail.canonical import relaxed_body
from daimon.mail.compose import Outgoing, compose
from daimon.mail.dkim_signing import Algorithm, SigningKey, generate, load, record, sign
from daimon.mail.parsed import Mailbox

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
KEYS = [load("example.org", f"of-{each}", generate(each)) for each in Algorithm]
MAIL = compose(
    Outgoing(
        message_id="<1@example.org>",
        date=NOW,
        from_=Mailbox("ada@example.org", "Ada"),
        to=(Mailbox("bob@example.net", "Bob, the “builder”"), Mailbox("carol@example.net")),
        subject="Plans for a very long summer, which this subject tells of in more than a single line of the header",
        references=("<a@example.net>", "<b@example.net>"),
        headers=(("List-Unsubscribe", "<https://example.org/u>"), ("X-Note", "of our own")),
        body_text="Dear Bob,\n\n  two  spaces\tand a tab \nand trailing lines\n\n\n",
    )
).octets


def _seen(name: bytes, **_: object) -> bytes | None:
    """Answer as DNS would."""
    return next((record(key).encode() for key in KEYS if name.decode() == _name(key) + "."), None)


def _name(key: SigningKey) -> str:
    return f"{key.selector}._domainkey.{key.domain}"


def _verified(mail: bytes) -> list[bool]:
    return [_is_right(mail, nth) for nth in range(mail.count(b"DKIM-Signature:"))]


def _is_right(mail: bytes, nth: int) -> bool:
    try:
        return bool(dkim.DKIM(mail).verify(nth, dnsfunc=_seen))
    except dkim.ValidationError:  # its way to say that the body is another one
        return False


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published JavaScript library, as npm installs it."""
    directory = tmp_path_factory.mktemp("js") / "js"
    shutil.copytree(Path(__file__).parent / "js", directory, ignore=shutil.ignore_patterns("node_modules"))
    assert shutil.which("npm"), "this test needs Node.js and npm (Debian: apt-get install nodejs npm)"
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=directory, check=True, timeout=110)
    return directory / "verify.mjs"


def _verified_by_node(verifier: Path, mail: bytes) -> Any:
    asked = {"mail": base64.b64encode(mail).decode(), "records": {_name(key): record(key) for key in KEYS}}
    done = subprocess.run(
        ["node", verifier], input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=30
    )
    return json.loads(done.stdout)


def test_both_signatures_are_taken_by_both_verifiers(verifier: Path) -> None:
    """RSA-2048 and Ed25519, on the same mail."""
    signed = sign(MAIL, KEYS, at=NOW) + MAIL
    assert _verified(signed) == [True, True]
    said = _verified_by_node(verifier, signed)
    assert sorted(said) == [["ed25519-sha256", "of-ed25519", "pass"], ["rsa-sha256", "of-rsa", "pass"]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"two  spaces", b"three spaces"),
        (b"Ada <ada@", b"Eve <ada@"),
        (b"Subject: Plans", b"Subject: Other plans"),
        (b"MIME-Version", b"From: eve@example.org\r\nMIME-Version"),
        (b"MIME-Version", b"Subject: another one\r\nMIME-Version"),
        (b"MIME-Version", b"Reply-To: eve@example.org\r\nMIME-Version"),
    ],
)
def test_what_is_changed_on_the_way_is_seen(verifier: Path, old: bytes, new: bytes) -> None:
    """A changed body, a changed field, and a field put beside or in place of ours."""
    changed = sign(MAIL, KEYS, at=NOW) + MAIL.replace(old, new, 1)
    assert changed.count(new) == 1
    assert _verified(changed) == [False, False]
    assert all(status != "pass" for _, _, status in _verified_by_node(verifier, changed))


def test_what_a_hop_may_change_harms_nothing(verifier: Path) -> None:
    """Folds, blanks at the end of lines, the case of names, fields that are put on top."""
    altered = MAIL.replace(b"Subject: Plans for", b"SUBJECT:   Plans\r\n\tfor").replace(b"Bob,\r\n", b"Bob, \t\r\n")
    assert altered != MAIL
    signed = b"Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n" + sign(MAIL, KEYS, at=NOW) + altered
    assert _verified(signed) == [True, True]
    assert [status for _, _, status in _verified_by_node(verifier, signed)] == ["pass", "pass"]


@given(body=st.text(alphabet="ab \t\r\n.=é", max_size=200), subject=st.text(max_size=120))
@settings(max_examples=60, deadline=None)
def test_any_mail_of_ours_is_signed_rightly(body: str, subject: str) -> None:
    """Whatever its text and its subject are."""
    clean = "".join(c for c in subject if c >= " " and c != "\x7f")
    mail = Outgoing(
        message_id="<1@example.org>", date=NOW, from_=Mailbox("ada@example.org"), subject=clean, body_text=body
    )
    octets = compose(mail).octets
    assert _verified(sign(octets, KEYS, at=NOW) + octets) == [True, True]


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # the example of RFC 6376 §3.4.5
        (b"no end", b"no end\r\n"),
        (b"blank at the end \t", b"blank at the end\r\n"),
        (b" \t\r\n", b""),
    ],
)
def test_bodies_in_their_relaxed_form(body: bytes, relaxed: bytes) -> None:
    """As RFC 6376 §3.4.4 says."""
    assert relaxed_body(body) == relaxed


def test_a_key_is_what_it_was_after_storing() -> None:
    """The octets of `generate` are all that has to be kept."""
    for algorithm in Algorithm:
        der = generate(algorithm)
        key = load("example.org", "s1", der)
        assert key.algorithm is algorithm
        assert record(key) == record(load("example.org", "s1", der))
        assert record(key).startswith(f"v=DKIM1; k={algorithm}; p=")
    with pytest.raises(ValueError, match=r"."):
        load("example.org", "s1", b"no key")
