"""Refusals as servers on the Internet write them."""

# ruff: noqa: E501 (replies are quoted as they are)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.mail.smtp_reply import Scope, Why, classify

# (reply, scope, permanent, why)
REPLIES: list[tuple[str, Scope, bool, Why]] = [
    # Gmail
    ("550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("550 5.2.1 The email account that you tried to reach is disabled. Learn more at https://support.google.com/mail/?p=DisabledUser", "recipient", True, Why.DISABLED),
    ("550 5.2.1 The email account that you tried to reach is inactive.", "recipient", True, Why.DISABLED),
    ("452 4.2.2 The email account that you tried to reach is over quota and inactive.", "recipient", False, Why.MAILBOX_FULL),
    ("552 5.2.2 The email account that you tried to reach is over quota.", "recipient", True, Why.MAILBOX_FULL),
    ("450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.", "recipient", False, Why.RECIPIENT_BUSY),
    ("421 4.7.0 [192.0.2.1 15] Our system has detected that this message is suspicious due to the very low reputation of the sending IP address.", "infrastructure", False, Why.REPUTATION),
    ("421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.", "infrastructure", False, Why.RATE_LIMITED),
    ("550 5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked.", "content", True, Why.SPAM),
    ("550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.", "infrastructure", True, Why.UNAUTHENTICATED),
    ("550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.", "infrastructure", True, Why.UNAUTHENTICATED),
    ("550 5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup", "infrastructure", True, Why.UNAUTHENTICATED),
    ("552 5.7.0 This message was blocked because its content presents a potential security issue.", "content", True, Why.VIRUS),
    ("552 5.3.4 Your message exceeded Google's message size limits.", "content", True, Why.TOO_LARGE),
    ("550 5.7.1 Messages missing a valid messageId header are not accepted. RFC 5322", "content", True, Why.MALFORMED),
    ("421 4.7.0 TLS required for RCPT domain, closing connection.", "infrastructure", False, Why.TLS),
    # Outlook, Office 365, Exchange
    ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("550 5.4.1 Recipient address rejected: Access denied. User unknown [AM1.prod]", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", "recipient", True, Why.MAILBOX_FULL),
    ("550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).", "infrastructure", True, Why.BLOCKLISTED),
    ("550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message to delist@microsoft.com.", "infrastructure", True, Why.BLOCKLISTED),
    ("451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.", "infrastructure", False, Why.RATE_LIMITED),
    ("550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification and has a DMARC policy of reject.", "infrastructure", True, Why.UNAUTHENTICATED),
    ("550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level.", "infrastructure", True, Why.UNAUTHENTICATED),
    ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; sender not allowed to send to group", "recipient", True, Why.RECIPIENT_REFUSES),
    ("550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy", "content", True, Why.POLICY),
    ("451 4.7.500 Server busy. Please try again later from [192.0.2.1].", "infrastructure", False, Why.UNAVAILABLE),
    ("550 5.7.1 Message rejected as spam by Content Filtering.", "content", True, Why.SPAM),
    ("452 4.3.1 Insufficient system resources (UsedDiskSpace)", "infrastructure", False, Why.UNAVAILABLE),
    # Yahoo, AOL
    ("554 delivery error: dd This user doesn't have a yahoo.com account (nobody@yahoo.com) [0]", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("554 30 Sorry, your message to nobody@yahoo.com cannot be delivered. This mailbox is disabled (554.30).", "recipient", True, Why.DISABLED),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", "infrastructure", False, Why.RATE_LIMITED),
    ("553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list", "infrastructure", True, Why.BLOCKLISTED),
    ("554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes", "infrastructure", True, Why.AUTHENTICATION),
    ("552 1 Requested mail action aborted, mailbox not found", "recipient", True, Why.NO_SUCH_RECIPIENT),
    # iCloud
    ("550 5.1.1 <nobody@icloud.com>: user does not exist", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("552 5.2.2 <nobody@icloud.com>: user is over quota", "recipient", True, Why.MAILBOX_FULL),
    ("554 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137", "infrastructure", True, Why.REPUTATION),
    ("550 5.7.0 Blocked - see https://support.proofpoint.com/dnsbl-lookup.cgi?ip=192.0.2.1", "infrastructure", True, Why.BLOCKLISTED),
    # Proofpoint, Mimecast, Barracuda, Cisco
    ("554 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1 - your IP is blocked", "infrastructure", True, Why.REPUTATION),
    ("550 5.7.1 Message content rejected due to suspected spam. IB703", "content", True, Why.SPAM),
    ("550 Rejected by header based manually Blocked Senders: nobody@example.org", "content", True, Why.SPAM),
    ("550 Administrative prohibition - envelope blocked - blocked senders", "recipient", True, Why.RECIPIENT_REFUSES),
    ("451 4.7.1 Internal resources are temporarily unavailable - greylisting", "infrastructure", False, Why.GREYLISTED),
    ("550 permanent failure for one or more recipients (nobody@example.org:blocked) listed at barracudacentral.org", "infrastructure", True, Why.BLOCKLISTED),
    ("554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.", "infrastructure", True, Why.REPUTATION),
    # Postfix
    ("550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in virtual mailbox table", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", "infrastructure", True, Why.BLOCKLISTED),
    ("554 5.7.1 <nobody@example.org>: Relay access denied", "infrastructure", True, Why.RELAYING),
    ("450 4.2.0 <nobody@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html", "infrastructure", False, Why.GREYLISTED),
    ("450 4.7.25 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", "infrastructure", False, Why.UNAUTHENTICATED),
    ("504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", "infrastructure", True, Why.UNAUTHENTICATED),
    ("450 4.1.8 <a@b.example>: Sender address rejected: Domain not found", "infrastructure", False, Why.UNAUTHENTICATED),
    ("552 5.3.4 Message size exceeds fixed limit", "content", True, Why.TOO_LARGE),
    ("452 4.3.1 Insufficient system storage", "infrastructure", False, Why.UNAVAILABLE),
    ("421 4.7.0 mx.example.org Error: too many errors", "infrastructure", False, Why.RATE_LIMITED),
    ("530 5.7.0 Must issue a STARTTLS command first", "infrastructure", True, Why.TLS),
    # Exim, qmail, Sendmail, others
    ("550 No Such User Here", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("550 Unrouteable address", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("550 Sender verify failed", "infrastructure", True, Why.UNAUTHENTICATED),
    ("550 High probability of spam", "content", True, Why.SPAM),
    ("421 Too many concurrent SMTP connections; please try again later.", "infrastructure", False, Why.RATE_LIMITED),
    ("550 sorry, no mailbox here by that name. (#5.1.1 - chkuser)", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("550 5.1.1 <nobody@example.org>... User unknown", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("554 5.4.6 Too many hops", "infrastructure", True, Why.ROUTING),
    ("550 5.7.1 SPF check failed: 192.0.2.1 is not allowed to send mail from example.com", "infrastructure", True, Why.UNAUTHENTICATED),
    ("554 5.7.1 The message was rejected because it contains a virus: Eicar-Test-Signature", "content", True, Why.VIRUS),
    ("556 5.1.10 Recipient address has null MX", "recipient", True, Why.NO_MAIL_HERE),
    ("521 5.3.2 mx.example.org does not accept mail", "recipient", True, Why.NO_MAIL_HERE),
    ("451 4.3.0 Error: queue file write error", "infrastructure", False, Why.UNAVAILABLE),
    ("550 Dynamic IP ranges are refused here", "infrastructure", True, Why.REPUTATION),
    ("550 5.1.1", "recipient", True, Why.NO_SUCH_RECIPIENT),
    ("450 4.2.2", "recipient", False, Why.MAILBOX_FULL),
    ("450", "infrastructure", False, Why.DEFERRED),
    ("554", "content", True, Why.POLICY),
]  # fmt: skip


def _classified(reply: str) -> tuple[Scope, bool, Why]:
    code, _, text = reply.partition(" ")
    return classify(int(code), None, text)


@pytest.mark.parametrize(("reply", "scope", "permanent", "why"), REPLIES, ids=[each[0][:40] for each in REPLIES])
def test_a_refusal_says_what_it_is_about(reply: str, scope: Scope, permanent: bool, why: Why) -> None:
    """The words first, then the enhanced code, then the plain one."""
    assert _classified(reply) == (scope, permanent, why)


@pytest.mark.parametrize(("reply", "scope", "permanent", "why"), REPLIES, ids=[each[0][:40] for each in REPLIES])
def test_only_a_permanent_refusal_of_the_recipient_condemns_it(
    reply: str, scope: Scope, permanent: bool, why: Why
) -> None:
    """Our blocked address, a full mailbox and a refused content never do."""
    code, _, text = reply.partition(" ")
    condemned = classify(int(code), None, text).condemns_recipient
    assert condemned == (permanent and why in (Why.NO_SUCH_RECIPIENT, Why.DISABLED, Why.NO_MAIL_HERE))
    assert scope == "recipient" or not condemned


def test_a_status_stands_without_a_reply_code() -> None:
    """A notification may tell the enhanced code alone; the words of a server that gave none decide for themselves."""
    assert classify(0, "5.1.1", "") == ("recipient", True, Why.NO_SUCH_RECIPIENT)
    assert classify(0, "4.4.7", "Delivery time expired") == ("infrastructure", False, Why.ROUTING)
    assert classify(0, None, "Unrouteable address") == ("recipient", True, Why.NO_SUCH_RECIPIENT)
    assert classify(0, None, "who knows") == ("infrastructure", False, Why.UNAVAILABLE)


@given(st.integers(0, 999), st.none() | st.text(max_size=12), st.text(max_size=400))
def test_any_reply_is_classed(code: int, status: str | None, text: str) -> None:
    """Whatever a server says."""
    refusal = classify(code, status, text)
    assert refusal.scope == refusal.why.scope
