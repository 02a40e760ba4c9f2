"""`--all`: a list over all of its pages, in memory never more than one of them."""

from collections.abc import Callable

from daimon.cli import terminal
from daimon.cli.api import showing
from daimon.cli.api.calling import Answer, Call

_MOST = "100"  # things on a page


def run(asked: Call, send: Callable[[Call], Answer], *, as_json: bool, show_secret: bool) -> None:
    """Print each page as it comes: of JSON a line for each thing."""
    began = False
    if not any(name == "limit" for name, _ in asked.query):
        asked = asked._replace(query=[*asked.query, ("limit", _MOST)])
    while True:
        result = send(asked).content["result"]
        rows = showing.rows_of(result) or []
        for row in rows if as_json else ():
            print(terminal.one_line_of_json(row if show_secret else showing.without_secrets(row)))
        if rows and not as_json:
            showing.tell_rows(rows, with_titles=not began)
        began = began or bool(rows)
        cursor = result.get("next_cursor")
        if not cursor or not result.get("has_more", True):  # events have a cursor at their end, too
            break
        rest = [(name, value) for name, value in asked.query if name not in ("cursor", "offset")]
        asked = asked._replace(query=[*rest, ("cursor", cursor)])
    if not began and not as_json:
        print("Nothing.")
