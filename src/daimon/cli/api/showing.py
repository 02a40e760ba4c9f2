"""What a person reads of an answer: tables of lists, fields of one thing, and no secret."""

import codecs
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from daimon.cli import terminal
from daimon.cli.api.steps import as_command
from daimon.operate.output import as_list, as_table, cut, plain

Row = Mapping[str, Any]

_SECRETS = ("api_key", "secret", "dkim_private_key", "password", "upgrade_link", "token")
_MOST_COLUMNS = 8
_CELL = 60
_FRACTION = re.compile(r"\.\d+Z$")
_FIRST = (
    "id", "email", "address", "domain", "name", "from_address", "subject", "to", "event", "url", "scope", "codes",
    "status", "direction", "read", "received_at", "last_message_at", "labels", "participants",
)  # fmt: skip
_LISTS = frozenset({"to", "codes", "labels", "participants", "events", "permissions"})
# Long, made of others that are shown, or of little use to who looks for one of many.
_LEFT_OUT = frozenset({
    "body_text", "body_html", "reply_body", "preview", "username", "hash", "view_url", "updated_at", "deleted_at",
    "client_id", "from_name", "size", "safety", "display_name", "number", "replay_id", "hosted_url", "pdf_url", "tier",
    "permissions", "prefix", "created_by",
})  # fmt: skip


def without_secrets(value: Any) -> Any:
    """Return an answer with its keys and secrets struck out."""
    if isinstance(value, dict):
        return {name: _struck(name, each) for name, each in value.items()}
    return [without_secrets(each) for each in value] if isinstance(value, list) else value


def _struck(name: str, value: Any) -> Any:
    secret = isinstance(value, str) and any(name == each or name.endswith(f"_{each}") for each in _SECRETS)
    if not secret:
        return without_secrets(value)
    kind = value[: value[:9].rfind("_") + 1]  # such as dm_free_ or whsec_
    return f"{kind}… (--show-secret)"


def tell(result: Any) -> None:
    """Print a result: a list as a table, anything else a field a line."""
    rows = rows_of(result)
    if rows is not None:
        tell_rows(rows) if rows else print("Nothing.")
    elif isinstance(result, Mapping):
        _tell_one(result) if result else print("Done.")
    else:
        print("Nothing." if result is None else plain(str(result)))


def tell_steps(content: Row) -> None:
    """Say on standard error what can be done next, as commands."""
    goes_on = _goes_on(content["result"])
    for step in content.get("next_steps") or []:
        if not (goes_on and "cursor=" in step):
            terminal.say(as_command(str(step)))
    if goes_on:
        terminal.say(f"There are more: add --all, or --cursor {content['result']['next_cursor']}")


def _goes_on(result: Any) -> bool:
    return isinstance(result, Mapping) and bool(result.get("next_cursor")) and result.get("has_more", True)


def rows_of(result: Any) -> list[Row] | None:
    """Return the rows of a list: the one list of things that a page holds."""
    if isinstance(result, Mapping):
        lists = [value for value in result.values() if isinstance(value, list)]
        is_page = "next_cursor" in result or "has_more" in result
        result = lists[0] if is_page and len(lists) == 1 else None
    return result if _are_rows(result) else None


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def tell_rows(rows: Sequence[Row], *, with_titles: bool = True) -> None:
    """Print rows as a table; without titles where it goes on."""
    names = _columns(rows)
    table = as_table([{name: _flat(name, row.get(name)) for name in names} for row in rows], names)
    print(table if with_titles else table.partition("\n")[2])


def _columns(rows: Sequence[Row]) -> list[str]:
    names = [name for name, value in rows[0].items() if _fits(name, value, rows[0])]
    ordered = [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]
    filled = [name for name in ordered if any(row.get(name) not in (None, "", []) for row in rows)]
    return (filled or ordered)[:_MOST_COLUMNS]


def _fits(name: str, value: Any, row: Row) -> bool:
    if name in _LEFT_OUT or name.endswith("_id") or (name == "domain" and "email" in row):
        return False
    return name in _LISTS or not isinstance(value, (list, dict))


def _flat(name: str, value: Any) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    shown = _shown(value)
    if name.endswith("_at") and isinstance(shown, str):
        return _FRACTION.sub("Z", shown)
    return shown if name in ("id", "email", "address", "from_address") or shown is None else cut(str(shown), _CELL)


def _tell_one(result: Row) -> None:
    tables = {name: value for name, value in result.items() if _is_table(value)}
    fields = {name: _shown(value) for name, value in result.items() if name not in tables}
    if fields:
        print(as_list(fields))
    for name, rows in tables.items():
        print(f"\n{plain(name.replace('_', ' '))}:")
        if any(len(str(value)) > _CELL for row in rows for value in row.values()):
            for row in rows:  # such as DNS records, which are copied whole
                print("\n" + as_list({each: _shown(value) for each, value in row.items()}))
        else:
            tell_rows(rows)


def _is_table(value: Any) -> bool:
    return bool(value) and _are_rows(value) and not all(map(_is_short, value))


def _is_short(value: Row) -> bool:
    return value.keys() <= {"address", "name"} or value.keys() == {"code", "kind"}


def _shown(value: Any) -> object:
    """Return a value in a few words; a mapping and a text may take several lines."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list):
        return ", ".join(str(_shown(each)) for each in value) or None
    return value


def _mapping(value: Row) -> str | None:
    if {"address", "name"} >= value.keys() and value:
        return f"{value.get('name')} <{value.get('address')}>" if value.get("name") else str(value.get("address"))
    if value.keys() == {"code", "kind"}:
        return str(value["code"])
    return "\n".join(f"{name.replace('_', ' ')}: {_inline(each)}" for name, each in value.items()) or None


def _inline(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, (list, dict, bool)) or value is None:
        return json.dumps(value, ensure_ascii=False)
    return str(value)


class Readable:
    """A place for the octets of a text: standard output, without what a terminal would obey."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(self, octets: bytes) -> None:
        """Write some of them."""
        text = self._decode(octets).replace("\r", "")
        sys.stdout.write("\n".join(plain(line) for line in text.split("\n")))
