"""Many phrases looked for at once: one pass over a text, however many they are (Aho and Corasick, 1975)."""

from collections.abc import Iterable

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind


class Phrases:
    """A fixed set of phrases, compared letter by letter."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._automaton = AhoCorasick(
            phrases, matchkind=MatchKind.LeftmostFirst, store_patterns=True, implementation=Implementation.DFA
        )

    def are_in(self, text: str) -> bool:
        """Tell whether at least one of them stands in the text."""
        return bool(self._automaton.find_matches_as_strings(text))
