"""`daimon audit`: the trail of what was changed."""

import argparse
import json
from typing import TYPE_CHECKING

from daimon.cli import api
from daimon.cli.parsing import DATABASE, Commands, add_json, add_settings, command, group, settings

if TYPE_CHECKING:
    from daimon.audit.verification import Verdict


def add(commands: Commands, name: str) -> None:
    """Add the commands about the audit trail: of the API, and of the operator."""
    audit = group(commands, name, "the trail of what was changed")
    api.add_calls(audit, name)
    verify = command(audit, "verify", _verify, "find rows of the audit trail that were edited, removed or forged")
    verify.add_argument("account", metavar="ACCOUNT", nargs="?", help="one account alone")
    add_json(verify)
    add_settings(verify, DATABASE)


def _verify(arguments: argparse.Namespace) -> int:
    """Print a line an account as it is found; an array is written element by element, so that memory stays bounded."""
    from daimon.operate import audit

    chosen, separator = settings(arguments).settings, "[\n  "

    def tell(verdict: "Verdict") -> None:
        nonlocal separator
        if arguments.json:
            print(separator + json.dumps(audit.as_fields(verdict)), end="", flush=True)
            separator = ",\n  "
        else:
            print(audit.as_line(verdict), flush=True)

    right = audit.verify(chosen, arguments.account, tell)
    if arguments.json:
        print("[]" if separator.startswith("[") else "\n]")
    return 0 if right else 1
