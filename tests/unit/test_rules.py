"""What rules name and what they say of an address, beside a model that is plain instead of quick."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.kit.errors import Invalid
from daimon.rules.judging import judge, judge_mail
from daimon.rules.models import Action, Judgement, Level
from daimon.rules.values import candidates, check
from ruling import ALLOW, Rules, lists_of, plainly


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        ("ann+news@example.com", "ann+news@example.com"),
        ('"Ann B"@example.com', '"ann b"@example.com'),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("Example.COM.", "example.com"),
        ("@example.com", "example.com"),
        ("*.example.com", "example.com"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("_x.example.com", "_x.example.com"),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
    ],
)
def test_a_rule_is_stored_in_one_form(written: str, stored: str) -> None:
    """So that two spellings of an address are one rule."""
    assert check(written) == stored


@pytest.mark.parametrize(
    "text",
    [
        "com", "a b.example", "@", "*", "*.com", "ann@", "a@b@", "..", "a..example", "-a.example", "192.0.2.1.",
        "x" * 320, "ü" * 320, "." * 300, "a." * 16 + "a", "ann@exa mple.com", "\x00.example", "a\n.example",
        "[192.0.2.1]", "xn--\udcff.a",
    ],
)  # fmt: skip
def test_what_names_nobody_is_refused(text: str) -> None:
    """With the field at fault."""
    with pytest.raises(Invalid, match="value"):
        check(text)


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("Ann@Mail.Example.com", ("ann@mail.example.com", "mail.example.com", "example.com")),
        ("ann@localhost", ("ann@localhost",)),
        ("ann@[192.0.2.1]", ("ann@[192.0.2.1]",)),
        ("not an address@evil.example", ("evil.example",)),
        ("a@b@evil.example", ("evil.example",)),
        ("nonsense", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_what_is_looked_up_for_an_address(address: str | None, wanted: tuple[str, ...]) -> None:
    """The address, its domain and those above it; of what is no address, the domain still."""
    assert candidates(address) == wanted


def test_a_domain_of_many_labels_costs_few_look_ups() -> None:
    """A rule has at most 16 labels, so no more are asked for."""
    found = candidates("a@" + "x." * 120 + "example")
    assert len(found) == 16
    assert found[-1] == "x.example"


@given(st.text(max_size=400))
def test_no_text_is_too_odd(text: str) -> None:
    """Whatever stands in a header is looked up or passed over; what a rule takes is what it is stored as."""
    for value in candidates(text):
        value.encode()
        assert "\x00" not in value
    try:
        stored = check(text)
    except Invalid:
        return
    assert check(stored) == stored
    assert stored in candidates(stored if "@" in stored else f"a@{stored}")


_VALUES = ("ann@a.example", "bob@a.example", "a.example", "sub.a.example", "ann@sub.a.example", "other.example")
_ADDRESSES = (
    *(value for value in _VALUES if "@" in value),
    "zoe@a.example",
    "zoe@b.other.example",
    "zoe@third.example",
)
_LISTS = st.dictionaries(
    st.sampled_from(list(Level)), st.sets(st.tuples(st.sampled_from(list(Action)), st.sampled_from(_VALUES)))
)


@given(_LISTS, st.sampled_from(_ADDRESSES))
def test_the_most_specific_wins(rules: Rules, address: str) -> None:
    """As the plain model says."""
    judged = judge(lists_of(rules), candidates(address))
    assert judged.blocked == plainly(rules, address)
    assert (judged.level is None) <= (not judged.blocked)


@given(_LISTS, st.sampled_from(_ADDRESSES), st.sampled_from(_ADDRESSES))
def test_a_mail_is_blocked_by_its_author_or_its_envelope(rules: Rules, author: str, mail_from: str) -> None:
    """But nobody needs to be allowed as an envelope's sender."""
    judged = judge_mail(lists_of(rules), candidates(author), candidates(mail_from))
    expected = plainly(rules, author) or plainly(rules, mail_from, must_be_allowed=False)
    assert judged.blocked == expected


def test_mail_without_an_author_passes_only_where_nobody_has_to_be_allowed() -> None:
    """It is on no list."""
    assert judge_mail([], (), ()) == Judgement(False)
    assert judge_mail(lists_of({Level.POD: {(ALLOW, "a.example")}}), (), ()) == Judgement(True, None, Level.POD)
