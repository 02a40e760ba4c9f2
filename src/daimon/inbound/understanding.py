"""What the reader process runs: octets to everything that is stored of a mail. Never called in a serving process."""

from daimon.inboxes.arrival import Understood
from daimon.mail import arc_chain, dkim_signature, mime
from daimon.mail.signed_mail import SignedMail
from daimon.messages.content import understood


def fully(octets: bytes) -> Understood:
    """Read a mail whole, and hash what its signatures sign."""
    mail = SignedMail(octets)
    return understood(mime.parse(octets), dkim_signature.read(mail), arc_chain.read(mail))


def without_signatures(octets: bytes) -> Understood:
    """Read a mail whole; nobody will ask who it comes from."""
    return understood(mime.parse(octets))


def barely(octets: bytes) -> Understood:
    """Read what a bounded, linear reader can of a mail that could not be read whole. Its findings say so."""
    return understood(mime.headers_only(octets))
