"""A value as it is written on a command line."""

import json
import shlex
from typing import Any


def flag(name: str, kind: str, value: Any) -> list[str]:
    """Return a flag of some kind (see `api.commands`) with its value, as words that a shell reads."""
    option = f"--{name.replace('_', '-')}"
    if kind == "boolean":
        return [option if value in (True, "true") else f"--no-{option[2:]}"]
    if value is None:
        return [f"--no-{option[2:]}"]
    if kind == "strings":
        values = value if isinstance(value, list) else [value]
        return [word for each in values for word in (option, shlex.quote(str(each)))]
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return [option, shlex.quote(f"@{text}" if text.startswith("@") else text)]
