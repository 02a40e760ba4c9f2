"""What a person reads of an answer: tables of lists, fields of one thing, and no secret."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daimon.cli.api.calling import Answer
from daimon.operate.output import as_list, as_table, plain

__all__ = ["plain", "tell", "tell_error", "without_secrets"]

MOST_COLUMNS = 7
_SECRETS = ("api_key", "secret", "dkim_private_key", "password", "upgrade_link", "token")
_FIRST = ("id", "email", "name", "address", "from_address", "subject", "status", "event", "created_at")
_CELL = 60


def without_secrets(value: Any) -> Any:
    """Return an answer with its keys and secrets struck out."""
    if isinstance(value, dict):
        return {name: _struck(name, each) for name, each in value.items()}
    return [without_secrets(each) for each in value] if isinstance(value, list) else value


def _struck(name: str, value: Any) -> Any:
    secret = isinstance(value, str) and any(name == each or name.endswith(f"_{each}") for each in _SECRETS)
    return f"{value[:8]}… (--show-secret)" if secret else without_secrets(value)


def tell(result: Any) -> None:
    """Print a result: a list as a table, anything else a field a line."""
    rows = _rows(result)
    if rows is not None:
        print(as_table([_flat(row) for row in rows], _columns(rows)) if rows else "Nothing.")
    elif isinstance(result, Mapping):
        print(as_list({name: _shown(value) for name, value in result.items()}) if result else "Done.")
    elif result is not None:
        print(plain(str(result)))


def tell_error(answer: Answer, say: Callable[[str], None]) -> None:
    """Say what went wrong, and what to do next."""
    content = answer.content
    if not isinstance(content, dict):
        say(f"daimon: the server answered {answer.status}")
        return
    say(f"daimon: {plain(str(content.get('message')))} ({content.get('code') or content.get('error')})")
    for detail in content.get("details", []):
        say(f"  {plain(str(detail['field']))}: {plain(str(detail['message']))}")
    for step in content.get("next_steps", []):
        say(f"  {plain(step)}")
    upgrade = content.get("upgrade_context") or {}
    if url := upgrade.get("operator_action_url"):
        say(f"  {upgrade.get('operator_action_label')}: {url}")


def _rows(result: Any) -> list[Mapping[str, Any]] | None:
    """Return the rows of a list: the one list of things that a page holds."""
    if isinstance(result, Mapping):
        lists = [value for value in result.values() if isinstance(value, list)]
        is_page = "next_cursor" in result or "has_more" in result
        result = lists[0] if is_page and len(lists) == 1 else None
    if isinstance(result, list) and all(isinstance(each, Mapping) for each in result):
        return result
    return None


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = [name for name, value in rows[0].items() if not (isinstance(value, (list, dict)) or name.endswith("_id"))]
    ordered = [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]
    filled = [name for name in ordered if any(row.get(name) not in (None, "") for row in rows)]
    return filled[:MOST_COLUMNS]


def _flat(row: Mapping[str, Any]) -> dict[str, object]:
    return {name: _cut(_shown(value)) if not isinstance(value, int) else value for name, value in row.items()}


def _shown(value: Any) -> object:
    if isinstance(value, Mapping) and {"address", "name"} >= value.keys():
        return f"{value.get('name')} <{value.get('address')}>" if value.get("name") else value.get("address")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _cut(value: object) -> object:
    return f"{value[: _CELL - 1]}…" if isinstance(value, str) and len(value) > _CELL else value
