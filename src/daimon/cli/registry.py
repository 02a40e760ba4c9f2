"""Every word that may stand behind `daimon`, and the module that knows what comes after it.

Help reads this table alone; a module is imported only when its word is called.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from daimon.cli.parsing import Commands, Parser


class Entry(NamedTuple):
    """A word: which section of the help shows it, what it says there, and the module that adds its commands."""

    section: str
    says: str
    module: str = "daimon.cli.api"


_MAIL, _ACCOUNT, _TOOLS, _SERVER = "mail", "account", "build", "run a server"

ENTRIES = {
    "inboxes": Entry(_MAIL, "inboxes with addresses"),
    "messages": Entry(_MAIL, "mails: wait, read, send, answer"),
    "send": Entry(_MAIL, "send a mail from an inbox"),
    "drafts": Entry(_MAIL, "mails that are written and not sent"),
    "threads": Entry(_MAIL, "conversations"),
    "rules": Entry(_MAIL, "whom mail may be from and to"),
    "suppressions": Entry(_MAIL, "addresses that nothing is sent to"),
    "login": Entry(_ACCOUNT, "keep a key in a profile", "daimon.cli.api.profile_commands"),
    "profiles": Entry(_ACCOUNT, "servers and keys under names", "daimon.cli.api.profile_commands"),
    "whoami": Entry(_ACCOUNT, "what the key reaches and may do"),
    "account": Entry(_ACCOUNT, "the account, and what its key may do"),
    "keys": Entry(_ACCOUNT, "API keys"),
    "pods": Entry(_ACCOUNT, "groups of inboxes, such as customers"),
    "members": Entry(_ACCOUNT, "people of the account"),
    "teams": Entry(_ACCOUNT, "members together"),
    "domains": Entry(_ACCOUNT, "domains of your own"),
    "usage": Entry(_ACCOUNT, "what was used"),
    "billing": Entry(_ACCOUNT, "what is paid, and how it is split"),
    "audit": Entry(_ACCOUNT, "the trail of what was changed", "daimon.cli.audit"),
    "events": Entry(_TOOLS, "what happened, and what happens", "daimon.cli.tailing"),
    "webhooks": Entry(_TOOLS, "programs that are told of events", "daimon.cli.webhooks"),
    "mcp": Entry(_TOOLS, "serve the API to a model on standard input and output", "daimon.cli.mcp"),
    "completion": Entry(_TOOLS, "print a shell's completion", "daimon.cli.completion"),
    "serve": Entry(_SERVER, "start the server: API, SMTP, workers and their database", "daimon.cli.serving"),
    "config": Entry(_SERVER, "print the effective settings", "daimon.cli.serving"),
    "demo": Entry(_SERVER, "try the server out", "daimon.cli.mail"),
    "inbound": Entry(_SERVER, "mail that came in and could not be read", "daimon.cli.mail"),
    "operator": Entry(_SERVER, "what is the operator's own", "daimon.cli.mail"),
    "admin": Entry(_SERVER, "accounts, keys, organisations, the service domain", "daimon.cli.admin"),
}
_HIDDEN = {"_role": "daimon.cli.serving"}
_END = """
flags:
  -h, --help     show this
  --version      show the version

examples:
  daimon inboxes create                     # without a key it opens an account, and keeps the key
  daimon messages wait scout@daimon.email --has-code
  daimon send scout@daimon.email --to ada@example.com --subject Hello --body @letter.txt
  daimon events tail --json

`daimon COMMAND --help` shows flags and an example of each; `--json` prints for programs.
How to use it: docs/how-to/use-the-command-line.md
"""


def overview() -> str:
    """Return the help of `daimon` itself."""
    width = max(map(len, ENTRIES)) + 2
    lines = ["Real e-mail for AI agents.", "", "usage: daimon COMMAND [flags]"]
    section = ""
    for name, entry in ENTRIES.items():
        if entry.section != section:
            section = entry.section
            lines += ["", f"{section}:"]
        lines.append(f"  {name:<{width}}{entry.says}")
    return "\n".join([*lines, _END])


class Top(Parser):
    """The parser of `daimon` itself, whose help is the table of all words."""

    def format_help(self) -> str:
        """Return it."""
        return overview()


def add(commands: Commands, argv: Sequence[str] | None) -> None:
    """Add the word that `argv` begins with, or every one if there is no `argv`."""
    called = None if argv is None else next((word for word in argv if not word.startswith("-")), "")
    for name in (*ENTRIES, *_HIDDEN):
        if called is None or name == called:
            module = import_module(_HIDDEN.get(name) or ENTRIES[name].module)
            module.add(commands, name)
        elif name not in _HIDDEN:
            commands.add_parser(name, help=ENTRIES[name].says)
