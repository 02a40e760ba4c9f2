"""Why a forward-path is refused, and why a mail could not be kept. SMTP renders these, HTTP never meets them."""


class RecipientRefused(Exception):
    """The forward-path reaches nobody here."""


class UnknownInbox(RecipientRefused):
    """No inbox has this address (550 5.1.1)."""


class InboxDeleted(RecipientRefused):
    """The inbox existed and was deleted (550 5.1.6)."""


class InboxSuspended(RecipientRefused):
    """The inbox is switched off (550 5.2.1)."""


class DomainNotServed(RecipientRefused):
    """The domain is not served here; relaying is never done (550 5.7.1)."""


class StoreUnavailable(Exception):
    """The mail could not be committed; nothing of it was kept (451 4.3.0)."""
