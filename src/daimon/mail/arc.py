"""Whether the chain of those who passed a mail on is whole: ARC (RFC 8617 §5.2), by the keys that DNS has for it.

A DNS that does not answer is `temperror`, as for DKIM. §5.2.1 makes it a failure for ever to whoever seals the mail
onward, which nobody does here; to the mail's reader that would be a false accusation.
"""

from datetime import datetime

from daimon.kit.dns import AsksTexts
from daimon.mail import dkim
from daimon.mail.arc_chain import ArcResult, Chain


async def check(asker: AsksTexts, chain: Chain, *, at: datetime) -> ArcResult:
    """Return what becomes of a chain at a moment (of receipt).

    One key is asked for after the other, and none behind a link that does not hold: nobody has us ask for the keys of
    others by naming them in a chain (§9.2).
    """
    if chain.settled:
        return chain.settled
    for link in chain.links:
        result = await dkim.check(asker, link, at=at)
        if result != "pass":
            return "temperror" if result == "temperror" else "fail"
    return "pass"
