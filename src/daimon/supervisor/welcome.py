"""What a server says when it is ready: where it listens, and three lines to paste."""

import secrets
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from daimon import __version__
from daimon.config import SPECS, Settings, flag
from daimon.config_values import in_url


def text(settings: Settings, roles: Sequence[str], *, seconds: float) -> str:
    """Return the text for these roles."""
    lines = [f"daimon {__version__}", ""]
    if "api" in roles:
        lines += [f"  API      {settings.public_url}", f"  docs     {settings.public_url}/docs"]
    if "smtp" in roles:
        host = in_url(settings.smtp_host)
        lines += [f"  SMTP     {host}:{settings.smtp_port}", f"  submit   {host}:{settings.submission_port}"]
    lines += [f"  metrics  http://{in_url(settings.metrics_host)}:{settings.metrics_port}/metrics"]
    if {"api", "smtp", "worker"} <= set(roles):
        lines += ["", "Try it in another terminal: create an inbox, send it a mail, read the mail.", ""]
        lines += [f"  {line}" for line in to_paste(settings)]
    return "\n".join([*lines, "", f"Ready after {seconds:.1f} s. Ctrl-C stops it."])


def to_paste(settings: Settings) -> tuple[str, str, str]:
    """Return the three lines. The username is a fresh one, so that they work at every start."""
    username = f"demo-{secrets.token_hex(3)}"
    inbox = f"{settings.public_url}/v1/inboxes"
    address = f"{username}@{settings.service_domain}"
    return (
        f"""ANSWER=$(curl -s {inbox} -H 'Content-Type: application/json' -d '{{"username": "{username}"}}'); """
        """echo "$ANSWER\"""",
        " ".join([_command(), "demo", "mail", address, *_where(settings)]),
        f"""curl -s {inbox}/{address}/messages -H "Authorization: Bearer """
        """$(echo "$ANSWER" | grep -o 'dm_free_[0-9A-Za-z]*' | head -1)\"""",
    )


def _command() -> str:
    """Return how to call this program from where it was started."""
    script = Path(sys.executable).with_name("daimon")
    if not script.exists():
        return shlex.join([sys.executable, "-m", "daimon"])
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def _where(settings: Settings) -> list[str]:
    """Return the flags without which the demo would not find this server."""
    found = []
    for name in ("smtp_host", "smtp_port"):
        value = str(getattr(settings, name)).replace("0.0.0.0", "127.0.0.1")  # noqa: S104 -- shown, not bound
        if value != SPECS[name].default:
            found.append(f"{flag(name)}={value}")
    return found
