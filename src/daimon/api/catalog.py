"""Every operation there is: importing a module of handlers declares them, in the order of this list."""

from daimon.api import account, documents, downloads, inboxes, messages, probes, threads
from daimon.api.operation import OPERATIONS

__all__ = ["OPERATIONS", "account", "documents", "downloads", "inboxes", "messages", "probes", "threads"]
