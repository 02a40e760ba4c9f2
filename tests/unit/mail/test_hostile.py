"""Whatever is sent: at most two seconds of CPU, and something that can be stored."""

import time

import pytest

from corpus.hostile import HOSTILE
from daimon.mail import arc_chain, bounds, dkim_signature, mime
from daimon.mail.signed_mail import SignedMail

from .storable import assert_storable

LIMIT = 2.0  # seconds of CPU: what the product promises for any mail
SIGNATURE = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh=eA==; b=eA==\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=x; h=from; bh=eA==; b=eA==\r\n"
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_read_in_bounded_time(name: str) -> None:
    """Each hostile mail is read within the promised CPU time to storable values, by the bounded reader too."""
    octets = HOSTILE[name]()
    started = time.process_time()
    mail = mime.parse(octets)
    spent = time.process_time() - started
    assert_storable(mail)
    assert spent <= LIMIT
    bounded = mime.headers_only(octets)
    assert_storable(bounded)
    assert "unparsed" in [finding.kind for finding in bounded.findings]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_hashed_in_bounded_time(name: str) -> None:
    """What is meant to hurt the reader of MIME does not hurt who hashes what signatures sign."""
    octets = SIGNATURE + HOSTILE[name]()
    started = time.process_time()
    mail = SignedMail(octets)
    dkim_signature.read(mail)
    arc_chain.read(mail)
    assert time.process_time() - started <= LIMIT


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("header_of_5_mb", "header_cut"),
        ("parts_10000", "parts_cut"),
        ("nested_50000", "nesting_cut"),
        ("text_of_25_mib", "text_cut"),
        ("html_of_25_mib", "html_cut"),
        ("html_nested", "html_cut"),
        ("boundary_wrong", "broken_mime"),
    ],
)
def test_what_was_cut_is_told(name: str, finding: str) -> None:
    """A mail beyond a bound says so in its findings."""
    assert finding in [found.kind for found in mime.parse(HOSTILE[name]()).findings]


def test_bombs_keep_what_can_be_read() -> None:
    """Text and attachments within the bounds are there, whatever surrounds them."""
    many = mime.parse(HOSTILE["parts_10000"]())
    assert many.body_text == "the first words"
    assert len(many.attachments) == bounds.PARTS - 1
    assert mime.parse(HOSTILE["nested_100"]()).body_text == "the innermost words"
    assert len(mime.attachment(HOSTILE["attachment_of_25_mib"](), 0)) == 18 * 1024 * 1024
