"""What was read out of a mail, in the two shapes it is stored in: what lists show, and the rest."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from daimon.inboxes.arrival import Understood
from daimon.kit import ids
from daimon.mail import screen
from daimon.mail.arc_chain import NO_CHAIN, Chain
from daimon.mail.auth_results import AuthResults, finding
from daimon.mail.dkim_signature import Signature
from daimon.mail.parsed import Code, Finding, Link, Mailbox, ParsedMail, Verdict
from daimon.mail.threading import is_reply_subject, ref_key, subject_key

LIST_TEXT_CHARS = 4096  # longer bodies are shown by a single get alone
MAX_ADDRESSES_OF_THREAD = 20
TOLD_TEXT, TOLD_REPLY = 24 * 1024, 2 * 1024  # characters of a message's texts in an event that cannot hold it whole


class StoredAttachment(msgspec.Struct, frozen=True):
    """An attachment; its content stays in the raw mail and is found again by `index`."""

    id: str
    filename: str | None
    content_type: str
    size: int
    inline: bool
    content_id: str | None
    index: int


class Safety(msgspec.Struct, frozen=True):
    """What an agent should distrust, and how much. `spam_score` runs from 0 to 1."""

    spam_score: float
    verdict: Verdict
    findings: tuple[Finding, ...]


class Summary(msgspec.Struct, frozen=True):
    """What lists show beside a message's own row. Bodies over 4,096 characters are null here and in `Detail`."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    body_text: str | None
    reply_body: str | None
    links: tuple[Link, ...]
    cta_links: tuple[Link, ...]
    codes: tuple[Code, ...]
    attachments: tuple[StoredAttachment, ...]
    safety: Safety


class Detail(msgspec.Struct, frozen=True):
    """What only a single get shows, or a list with `include=body`. What is read for an event may be `cut` to texts."""

    headers: dict[str, list[str]]
    body_html: str | None
    body_text: str | None
    reply_body: str | None
    cut: bool = False


def understood(
    mail: ParsedMail, signatures: tuple[Signature, ...] | None = None, chain: Chain = NO_CHAIN
) -> Understood:
    """Return what the pipeline stores of a parsed mail, and what it needs to authenticate it."""
    own = mail.message_id
    return Understood(
        subject=mail.subject,
        subject_key=subject_key(mail.subject),
        is_reply=is_reply_subject(mail.subject),
        from_address=mail.from_.address if mail.from_ else None,
        from_name=mail.from_.name if mail.from_ else None,
        participants=participants_of(mail.from_.address if mail.from_ else None, mail.to, mail.cc),
        message_id=own,
        own_ref=ref_key(own) if own else None,
        refs=refs_of(own, mail.in_reply_to, mail.references),
        preview=mail.preview,
        has_code=bool(mail.codes),
        sent_at=mail.date,
        summary=msgspec.json.encode(_summary(mail)).decode(),
        detail=msgspec.json.encode(_detail(mail)).decode(),
        report=mail.report,
        authors=mail.authors,
        signatures=signatures,
        chain=chain,
    )


def naming_bcc(content: Understood, bcc: tuple[Mailbox, ...]) -> Understood:
    """Return what is stored of a mail that went to people whom its header does not name."""
    if not bcc:
        return content
    summary = msgspec.structs.replace(summary_of(content), bcc=bcc)
    return msgspec.structs.replace(content, summary=msgspec.json.encode(summary).decode())


def summary_of(content: Understood) -> Summary:
    """Return what lists show of a mail."""
    return msgspec.json.decode(content.summary, type=Summary)


def unreadable(why: str) -> Understood:
    """Return what is stored of a mail that nothing could be read out of. Its octets are kept all the same."""
    finding = Finding("unparsed", f"The mail could not be read: {why}. Its raw octets are there.")
    nobody: tuple[Mailbox, ...] = ()
    mail = ParsedMail(
        subject="",
        from_=None,
        authors=(),
        to=nobody,
        cc=nobody,
        bcc=nobody,
        reply_to=nobody,
        date=None,
        message_id=None,
        in_reply_to=(),
        references=(),
        headers={},
        body_text="",
        body_html=None,
        reply_body="",
        preview="",
        links=(),
        cta_links=(),
        codes=(),
        attachments=(),
        findings=(finding,),
        spam_score=0.5,
        verdict="suspicious",
    )
    return understood(mail)


def distrusted(safety: Safety, results: AuthResults | None) -> Safety:
    """Return what to distrust in a mail with what its authentication adds."""
    found = finding(results) if results else None
    if found is None:
        return safety
    score = screen.more(safety.spam_score, found)
    return Safety(score, screen.verdict(score), (*safety.findings, found))


def refs_of(own: str | None, in_reply_to: Sequence[str], references: Sequence[str]) -> tuple[bytes, ...]:
    """Return the keys of the Message-IDs that a mail answers, the nearest first."""
    return tuple(dict.fromkeys(ref_key(ref) for ref in (*in_reply_to, *reversed(references)) if ref != own))


def participants_of(author: str | None, to: Sequence[Mailbox], cc: Sequence[Mailbox]) -> tuple[str, ...]:
    """Return who takes part in a thread by a mail, in lower case, its author first."""
    others = [person.address for person in (*to[:MAX_ADDRESSES_OF_THREAD], *cc[:MAX_ADDRESSES_OF_THREAD])]
    return tuple(dict.fromkeys(address.lower() for address in [*([] if author is None else [author]), *others]))


def _summary(mail: ParsedMail) -> Summary:
    return Summary(
        to=mail.to,
        cc=mail.cc,
        bcc=mail.bcc,
        reply_to=mail.reply_to,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        body_text=_if_short(mail.body_text),
        reply_body=_if_short(mail.reply_body),
        links=mail.links,
        cta_links=mail.cta_links,
        codes=mail.codes,
        attachments=tuple(
            StoredAttachment(_attachment_id(), a.filename, a.content_type, a.size, a.inline, a.content_id, a.index)
            for a in mail.attachments
        ),
        safety=Safety(mail.spam_score, mail.verdict, mail.findings),
    )


def _detail(mail: ParsedMail) -> Detail:
    return Detail(
        headers=mail.headers,
        body_html=mail.body_html,
        body_text=None if _if_short(mail.body_text) is not None else mail.body_text,
        reply_body=None if _if_short(mail.reply_body) is not None else mail.reply_body,
    )


def _if_short(text: str) -> str | None:
    return text if len(text) <= LIST_TEXT_CHARS else None


def _attachment_id() -> str:
    new: UUID = ids.new()
    return ids.show(ids.Kind.ATTACHMENT, new)
