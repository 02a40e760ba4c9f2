"""The tables that refusals are read by: enhanced status codes (RFC 3463, its registry), words in real replies."""

import re
from enum import StrEnum
from typing import Literal

Scope = Literal["recipient", "content", "infrastructure"]


class Why(StrEnum):
    """Why a mail was refused."""

    NO_SUCH_RECIPIENT = "no_such_recipient"
    DISABLED = "disabled"
    MAILBOX_FULL = "mailbox_full"
    RECIPIENT_BUSY = "recipient_busy"  # receives more than its provider lets it
    RECIPIENT_REFUSES = "recipient_refuses"  # it takes mail, but not ours
    NO_MAIL_HERE = "no_mail_here"  # the domain takes none, RFC 7504, RFC 7505
    SPAM = "spam"
    VIRUS = "virus"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    POLICY = "policy"
    BLOCKLISTED = "blocklisted"
    REPUTATION = "reputation"
    UNAUTHENTICATED = "unauthenticated"  # SPF, DKIM, DMARC, reverse DNS
    RATE_LIMITED = "rate_limited"
    GREYLISTED = "greylisted"
    TLS = "tls"
    ROUTING = "routing"
    RELAYING = "relaying"
    AUTHENTICATION = "authentication"
    PROTOCOL = "protocol"
    LOCAL_ERROR = "local_error"
    DEFERRED = "deferred"
    UNAVAILABLE = "unavailable"

    @property
    def scope(self) -> Scope:
        """What it is about. What no table knows is the infrastructure's: it says nothing about the recipient."""
        return _SCOPES.get(self, "infrastructure")


_SCOPES: dict[Why, Scope] = {
    Why.NO_SUCH_RECIPIENT: "recipient",
    Why.DISABLED: "recipient",
    Why.MAILBOX_FULL: "recipient",
    Why.RECIPIENT_BUSY: "recipient",
    Why.RECIPIENT_REFUSES: "recipient",
    Why.NO_MAIL_HERE: "recipient",
    Why.SPAM: "content",
    Why.VIRUS: "content",
    Why.TOO_LARGE: "content",
    Why.MALFORMED: "content",
    Why.POLICY: "content",
}

# `subject.detail` of an enhanced status code; `subject.*` stands for the rest of a subject.
ENHANCED: dict[str, Why] = {
    "1.0": Why.NO_SUCH_RECIPIENT, "1.1": Why.NO_SUCH_RECIPIENT, "1.2": Why.ROUTING, "1.3": Why.NO_SUCH_RECIPIENT,
    "1.4": Why.NO_SUCH_RECIPIENT, "1.5": Why.PROTOCOL, "1.6": Why.NO_SUCH_RECIPIENT, "1.7": Why.UNAUTHENTICATED,
    "1.8": Why.UNAUTHENTICATED, "1.9": Why.PROTOCOL, "1.10": Why.NO_MAIL_HERE, "1.*": Why.NO_SUCH_RECIPIENT,
    "2.0": Why.RECIPIENT_BUSY, "2.1": Why.DISABLED, "2.2": Why.MAILBOX_FULL, "2.3": Why.TOO_LARGE,
    "2.4": Why.ROUTING, "2.*": Why.RECIPIENT_BUSY,
    "3.0": Why.UNAVAILABLE, "3.1": Why.UNAVAILABLE, "3.2": Why.UNAVAILABLE, "3.3": Why.PROTOCOL, "3.4": Why.TOO_LARGE,
    "3.5": Why.ROUTING, "3.*": Why.UNAVAILABLE,
    "4.*": Why.ROUTING,
    "5.3": Why.RATE_LIMITED, "5.*": Why.PROTOCOL,
    "6.*": Why.MALFORMED,
    "7.0": Why.POLICY, "7.1": Why.POLICY, "7.2": Why.RECIPIENT_REFUSES, "7.4": Why.PROTOCOL, "7.5": Why.TLS,
    "7.8": Why.AUTHENTICATION, "7.9": Why.AUTHENTICATION, "7.10": Why.TLS, "7.11": Why.TLS, "7.12": Why.AUTHENTICATION,
    "7.13": Why.AUTHENTICATION, "7.14": Why.AUTHENTICATION, "7.17": Why.NO_SUCH_RECIPIENT, "7.18": Why.ROUTING,
    "7.20": Why.UNAUTHENTICATED, "7.21": Why.UNAUTHENTICATED, "7.22": Why.UNAUTHENTICATED,
    "7.23": Why.UNAUTHENTICATED, "7.24": Why.UNAUTHENTICATED, "7.25": Why.UNAUTHENTICATED,
    "7.26": Why.UNAUTHENTICATED, "7.27": Why.UNAUTHENTICATED, "7.28": Why.RATE_LIMITED, "7.29": Why.UNAUTHENTICATED,
    "7.30": Why.TLS, "7.508": Why.RATE_LIMITED, "7.509": Why.UNAUTHENTICATED, "7.511": Why.BLOCKLISTED,
    "7.515": Why.UNAUTHENTICATED, "7.606": Why.BLOCKLISTED, "7.*": Why.POLICY,
}  # fmt: skip

_WORDS: tuple[tuple[str, Why], ...] = (
    # `User unknown; see spamhaus.org` does not exist: whoever names a list speaks of our address.
    (
        r"spamhaus|barracudacentral|\bdnsbl\b|\brbl\b|spamcop|sorbs|uceprotect|invaluement|abuseat|mailspike"
        r"|\bblock ?list|black ?list|listed (?:in|at|by|on)\b|banned send(?:er|ing)|delist"
        r"|blocked (?:by|using) [a-z0-9.]+\.[a-z]{2,}|client host (?:\S+ )?blocked|access denied, (?:banned|your ip)",
        Why.BLOCKLISTED,
    ),
    (r"gr[ae]y ?list", Why.GREYLISTED),
    (
        r"user (?:you are trying to contact )?is receiving mail (?:at a rate|too quickly)"
        r"|recipient (?:has )?(?:exceeded|reached) (?:the|its|their)? ?(?:message|receiv|rate)"
        r"|mailbox (?:is )?(?:busy|locked)",
        Why.RECIPIENT_BUSY,
    ),
    (
        r"over ?quota|quota (?:exceeded|full|exceed)|exceed(?:s|ed)? (?:\S+ ){0,3}(?:storage |disk |mailbox )?quota"
        r"|mailbox (?:is )?(?:full|over|exceeded)|(?:in)?box (?:is )?full|out of storage"
        r"|insufficient (?:disk|mailbox)"
        r"|storage (?:limit|allocation)|mailbox size limit|is full\b",
        Why.MAILBOX_FULL,
    ),
    (
        r"spf\b|dkim\b|dmarc\b|unauthenticated|not authenticated|reverse (?:dns|lookup|hostname)|\bptr\b|rdns"
        r"|fcrdns|helo|(?:sender|from) (?:address )?(?:domain )?(?:does not exist|not found|must resolve|not exist)"
        r"|sender (?:domain )?(?:verify|verification|address rejected)|domain of sender address",
        Why.UNAUTHENTICATED,
    ),
    (
        r"user unknown|unknown (?:user|recipient|mailbox|local part|address)"
        r"|no such (?:user|recipient|mailbox|address|person|id)"
        r"|(?:recipient|user|account|mailbox|address|alias|email)\b(?: \S+){0,5} (?:does not"
        r"|doesn't|not|don't) (?:exist|found)"
        r"|(?:user|recipient|account|mailbox|address) (?:\S+ ){0,3}not (?:found|known|listed|valid)|not listed in"
        r"|does not exist|doesn't have an? \S+ account|invalid (?:recipient|mailbox|user|address)"
        r"|recipnotfound|recipientnotfound"
        r"|no mailbox (?:here )?by that name|mailbox (?:unavailable|not available|name not)|no longer valid"
        r"|bad destination|not a valid (?:user|mailbox|recipient)"
        r"|unrouteable address|address (?:lookup )?failed|unable to find|relay recipient table|invalid address"
        r"|couldn't be found",
        Why.NO_SUCH_RECIPIENT,
    ),
    (
        r"(?:account|mailbox|user|email account|recipient)\b(?: \S+){0,8} (?:is |has been "
        r"|was )?(?:disabled|inactive|suspended|deactivated|closed|discontinued"
        r"|blocked from receiving|on hold)"
        r"|(?:disabled|inactive|suspended) (?:account|mailbox|user|recipient)"
        r"|no longer (?:active|works|accept|in use)|account.{0,20}expired",
        Why.DISABLED,
    ),
    (
        r"not accept(?:ing)? (?:any )?(?:mail|messages)|null mx|nullmx"
        r"|does not (?:accept|receive) (?:any )?(?:e ?mail|mail)",
        Why.NO_MAIL_HERE,
    ),
    (
        r"rate limit|rate of (?:un|mail)"
        r"|too many (?:\S+ ){0,3}(?:connections|messages|mails|recipients|sessions|emails|errors)|throttl"
        r"|exceeded (?:the )?(?:\S+ ){0,4}(?:rate|connection|(?:sending|message|daily|hourly) limit)"
        r"|unusual rate|temporarily (?:deferred|rate)|too fast|slow down|exceeded (?:\S+ )?connections?"
        r"|\[ts0\d\]|sending limit|try again later, closing",
        Why.RATE_LIMITED,
    ),
    (
        r"reputation|poor (?:ip|domain)|your (?:ip|ip address|server|network|host)\b"
        r"|ip (?:address )?(?:\S+ )?(?:is )?(?:not allowed|blocked|rejected|banned|refused)|from your ip"
        r"|part of their network"
        r"|suspicious (?:ip|host)|blocked for abuse|bad(?: sender)? ip|dynamic (?:ip|address|range)"
        r"|low(?:est)? (?:ip|sender)|client host rejected|cs01|mail server (?:is )?(?:block|refus)"
        r"|network (?:is )?on our|connection (?:refused|rejected)|senderscore|\[tss0\d\]",
        Why.REPUTATION,
    ),
    (
        r"virus|malware|trojan|infected|phish"
        r"|(?:attachment|file) (?:type )?(?:is )?(?:not allowed|blocked|forbidden)|executable"
        r"|prohibited attachment|presents a potential security",
        Why.VIRUS,
    ),
    (
        r"\bspam|unsolicited|bulk mail|junk|content (?:rejected|filter|denied)|rejected (?:\S+ ){0,3}content"
        r"|content.{0,30}(?:rejected|not allowed)|suspicious due to|blocked url|\burl(?:s)? (?:in|listed)"
        r"|header based|anti ?virus|message content|blocked by policy: content",
        Why.SPAM,
    ),
    (
        r"too (?:large|big|long)|size (?:limit|exceed)|exceeds (?:\S+ ){0,4}(?:size|maximum|limit)"
        r"|maximum (?:message )?size",
        Why.TOO_LARGE,
    ),
    (
        r"not rfc|rfc ?[25]?822|rfc 5322|malformed|bare lf|missing (?:\S+ )?header"
        r"|header.{0,20}(?:invalid|missing)|duplicate header|8bit",
        Why.MALFORMED,
    ),
    (r"starttls|\btls\b|encryption (?:required|needed)|certificate", Why.TLS),
    (
        r"relay(?:ing)? (?:access )?(?:denied|not permitted|prohibited)|not permitted to relay|unable to relay"
        r"|we do not relay|relaying",
        Why.RELAYING,
    ),
    (
        r"host (?:or domain name )?not found|name service|dns (?:error|failure|lookup)|no mx|mail loop"
        r"|loop(?:s)? back|too many hops|connection (?:timed out|reset|lost|dropped)|timed? ?out"
        r"|network is unreachable|no route|could ?n[o']t find any host|lost connection",
        Why.ROUTING,
    ),
    (
        r"blocked senders?"
        r"|(?:sender|you) (?:is |are )?(?:not (?:authorized|allowed|permitted)|restricted|blocked|denied)"
        r"|restricted (?:to|recipient)|only accepts (?:mail|messages) from"
        r"|recipient.{0,30}(?:refus|reject)ed your|members only|not allowed to (?:send|post)",
        Why.RECIPIENT_REFUSES,
    ),
    (
        r"system (?:not|is) (?:accepting|busy)|insufficient system|queue file write|disk|temporar(?:y|ily)"
        r"|try again|service (?:not|un)avail|resources|internal (?:error|server)|server busy|local error",
        Why.UNAVAILABLE,
    ),
)  # fmt: skip
PHRASES: tuple[tuple[re.Pattern[str], Why], ...] = tuple((re.compile(pattern), why) for pattern, why in _WORDS)
