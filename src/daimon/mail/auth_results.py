"""What became of a mail's authentication, in the words of RFC 8601, and what follows from it for its reader."""

from collections.abc import Sequence

import msgspec

from daimon.mail.arc_chain import ArcResult
from daimon.mail.dkim_signature import DkimResult
from daimon.mail.dmarc import DmarcResult, Policy, Wish, is_aligned
from daimon.mail.parsed import Finding
from daimon.mail.spf import Spf
from daimon.mail.spf_record import SpfResult

# Of several signatures the first of these counts: one that holds makes up for all that do not.
_DKIM_ORDER: tuple[DkimResult, ...] = ("pass", "temperror", "fail", "policy", "permerror", "none")
_UNSIGNED: DkimResult = "none"


class AuthResults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The results as they are stored with a mail.

    `aligned` tells whether a domain that is authenticated may speak for the one in From; None: nobody can say now.
    `wish` is what the policy of `author`, the domain in From, asks for. `proven` are the domains that the mail comes
    from beyond doubt: SPF passed for them as that of MAIL FROM, or their signature holds. `arc` changes none of these:
    who seals a chain may lie (RFC 8617 §9.4); None: the mail came before it was looked at.
    """

    spf: SpfResult
    dkim: DkimResult
    dmarc: DmarcResult
    arc: ArcResult | None = None
    aligned: bool | None = None
    author: str | None = None
    wish: Wish | None = None
    proven: tuple[str, ...] = ()


class Signed(msgspec.Struct, frozen=True):
    """A signature's domain, and what became of it."""

    domain: str
    result: DkimResult


class NoPolicy(msgspec.Struct, frozen=True):
    """The domain publishes no policy, or it could not be asked for."""

    unanswered: bool = False


def of_mail(
    spf: Spf,
    signed: Sequence[Signed],
    authors: Sequence[str],
    policy: Policy | NoPolicy,
    *,
    arc: ArcResult = "none",
    blind: bool = False,
) -> AuthResults:
    """Put the results together.

    `authors` are the domains in From, of which there must be one (RFC 7489 §6.6.1). Of a mail that came by
    a host of ours, or that could not be read, too little is seen to blame anybody (`blind`): DMARC may pass by a
    signature, and otherwise says nothing.
    """
    results = {each.result for each in signed}
    signers = {each.domain for each in signed if each.result == "pass"}
    sent_by = {spf.domain} if spf.result == "pass" else set()
    undecided = blind or spf.result == "temperror" or "temperror" in results
    one = authors[0] if len(authors) == 1 else ""
    aligned = is_aligned(one, signers | sent_by) if one else False
    dmarc = _dmarc(one, sent_by, signers, policy, undecided=undecided)
    return AuthResults(
        spf=spf.result,
        dkim=min(results, key=_DKIM_ORDER.index, default=_UNSIGNED),
        dmarc="none" if blind and dmarc != "pass" else dmarc,
        arc=arc,
        aligned=aligned or (None if undecided else False),
        author=one or None,
        wish=policy.wish if isinstance(policy, Policy) else None,
        proven=tuple(sorted(signers | sent_by)),
    )


def _dmarc(
    author: str, sent_by: set[str], signers: set[str], policy: Policy | NoPolicy, *, undecided: bool
) -> DmarcResult:
    if not author:
        return "permerror"
    if isinstance(policy, NoPolicy):
        return "temperror" if policy.unanswered else "none"
    by_spf = is_aligned(author, sent_by, strict=policy.strict_spf)
    if by_spf or is_aligned(author, signers, strict=policy.strict_dkim):
        return "pass"
    return "temperror" if undecided else "fail"


def finding(results: AuthResults) -> Finding | None:
    """Return what a reader should know before trusting the mail, None if there is nothing."""
    if results.dmarc == "permerror":
        return Finding("failed_dmarc", "From does not name exactly one domain, so that none vouches for the mail.")
    if results.dmarc != "fail":
        return None
    asks = {"reject": " and asks to reject such mail", "quarantine": " and asks to treat such mail as suspicious"}
    wish = asks.get(results.wish or "", "")
    return Finding("failed_dmarc", f"{results.author} does not vouch for the mail in its name{wish}.")
