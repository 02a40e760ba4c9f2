"""The account, and what a key is."""

from __future__ import annotations

from daimon_email._calls.common import fetch, path
from daimon_email._config import Config
from daimon_email._flow import Flow, Request
from daimon_email.models import Account, SmtpSettings, Whoami


def get(config: Config) -> Flow[Account]:
    """Show the account, its limits and what it uses of them."""
    return fetch(config, Request("GET", path("account")), Account)


def smtp(config: Config) -> Flow[SmtpSettings]:
    """Show how a mail program sends from the inboxes of the account; the password is a key."""
    return fetch(config, Request("GET", path("account", "smtp")), SmtpSettings)


def whoami(config: Config) -> Flow[Whoami]:
    """Show what this client's key reaches and may do."""
    return fetch(config, Request("GET", path("whoami")), Whoami)
