"""Text as those search it who look for phrases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.mail import bounds, charset, words
from daimon.mail.phrases import Phrases


def test_subject_and_text_are_searched_together() -> None:
    """The subject comes first; of a long text the beginning is searched."""
    said = words.of("Hello THERE", "Words" + "x" * bounds.EXTRACT_CHARS)
    assert said.lowered.startswith("hello there\n\nwordsx")
    assert len(said.whole) == len("Hello THERE\n\n") + bounds.EXTRACT_CHARS


@given(st.text(max_size=50))
def test_lower_case_keeps_places(text: str) -> None:
    """Each letter stays one letter, so that a place in the lower-cased text is the same in the text."""
    assert len(words.lower(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", False),
        ("no such", False),
        ("a one-time code", True),
        ("Одноразовый код".lower(), True),
        ("one time", False),
    ],
)
def test_phrases(text: str, found: bool) -> None:
    """A text holds one of many phrases, or none."""
    assert Phrases(["one-time", "код", "one-time pad"]).are_in(text) is found


@given(st.lists(st.text(min_size=1, max_size=4).map(charset.clean).filter(bool), max_size=5), st.text(max_size=40))
def test_phrases_are_what_in_finds(phrases: list[str], text: str) -> None:
    """It is the same as asking for one phrase after the other."""
    text = charset.clean(text)
    assert Phrases(phrases).are_in(text) == any(phrase in text for phrase in phrases)
