"""Every operation there is: importing a module of handlers declares them, in the order of this list."""

from daimon.api import (
    account,
    audit,
    capabilities,
    documents,
    downloads,
    events,
    inboxes,
    invitations,
    keys,
    members,
    messages,
    ownership,
    pods,
    probes,
    teams,
    threads,
    usage,
)
from daimon.api.operation import OPERATIONS

__all__ = [
    "OPERATIONS",
    "account",
    "audit",
    "capabilities",
    "documents",
    "downloads",
    "events",
    "inboxes",
    "invitations",
    "keys",
    "members",
    "messages",
    "ownership",
    "pods",
    "probes",
    "teams",
    "threads",
    "usage",
]
