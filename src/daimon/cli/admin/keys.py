"""`daimon admin key`."""

import argparse

from daimon.cli.admin.common import administer
from daimon.cli.parsing import Commands, group, settings

_EXAMPLE = "key_0198c5f2a7d47c3e8f0a1b2c3d4e5f60"


def add(commands: Commands) -> None:
    """Add the commands about keys."""
    revoke = administer(
        group(commands, "key", "keys"), "revoke", _revoke, "revoke a key for good, whoever's it is", example=_EXAMPLE
    )
    revoke.add_argument("key", metavar="KEY", help="its id, such as key_0192f3a0…")


def _revoke(arguments: argparse.Namespace) -> None:
    from daimon.operate import keys
    from daimon.operate.output import as_json

    fields = keys.fields(keys.revoke(settings(arguments).settings, arguments.key))
    print(as_json(fields) if arguments.json else f"{arguments.key} of {fields['account_id']} is revoked")
