"""Message ids and base subjects."""

import pytest

from daimon.mail import threading


@pytest.mark.parametrize(
    "reply",
    [
        "Re: Lunch", "RE: RE: Lunch", "Fwd: Lunch", "FW: Lunch", "AW: Lunch", "WG: AW: Lunch", "SV: Lunch",
        "Antw: Lunch",
        "R: Lunch", "RIF: Lunch", "TR: Lunch", "RÉF: Lunch", "Odp: Lunch", "Re[2]: Lunch",
        "Re(3): Lunch", "[team] Re: Lunch", "Re: [team] Lunch", "Re : lunch", "回复：Lunch", "答复: Lunch",
        "返信: Lunch",
        "Отв: Lunch", "YNT: Lunch", "Vs: Lunch", "  Re:   LUNCH  ",
    ],
)  # fmt: skip
def test_reply_has_the_key_of_its_subject(reply: str) -> None:
    """Prefixes of replies and forwards, list tags, case and spaces do not count."""
    assert threading.subject_key(reply) == threading.subject_key("Lunch")
    assert len(threading.subject_key(reply)) == 16


@pytest.mark.parametrize("subject", ["Lunch today", "Dinner", "", "Re", "Regarding: lunch", "Fwd", "[urgent]"])
def test_other_subjects_have_other_keys(subject: str) -> None:
    """What is another subject stays one."""
    assert threading.subject_key(subject) != threading.subject_key("Lunch")


def test_only_replies_are_replies() -> None:
    """A reply is known by its prefix, behind a list tag too."""
    assert threading.is_reply_subject("Re: x")
    assert threading.is_reply_subject("[list] AW: x")
    assert not threading.is_reply_subject("Report: x")
    assert not threading.is_reply_subject("x Re: y")


def test_message_id_is_found_with_its_brackets() -> None:
    """Comments and missing brackets are forgiven."""
    assert threading.message_id(" <a.b@example.org> (comment)") == "<a.b@example.org>"
    assert threading.message_id("a.b@example.org") == "<a.b@example.org>"
    assert threading.message_id("none at all") is None


def test_many_references_keep_root_and_latest() -> None:
    """RFC 5322 §3.6.4: the first names the root, the last the parents."""
    ids = [f"<{number}@example.org>" for number in range(200)]
    assert threading.message_ids(" ".join(ids)) == (ids[0], *ids[-50:])
    assert threading.message_ids("<a@x>\r\n\t<b@x> <a@x>") == ("<a@x>", "<b@x>")


def test_ref_key_has_sixteen_octets() -> None:
    """The key of a message id is short whatever the id."""
    assert len(threading.ref_key("<" + "a" * 900 + "@x>")) == 16
    assert threading.ref_key("<a@x>") != threading.ref_key("<A@x>")
