"""A mail's octets → everything the contract's Message needs (RFC 5322, RFC 2045–2049)."""

from collections.abc import Sequence

from daimon.mail import (
    body,
    bounds,
    codes,
    dangerous_file,
    date,
    dsn,
    encoded_word,
    header,
    links,
    mailboxes,
    reply_text,
    screen,
    structure,
    threading,
    transfer,
    words,
)  # fmt: skip
from daimon.mail.address import domain_of
from daimon.mail.body import Body
from daimon.mail.header import Header
from daimon.mail.parsed import Attachment, Code, Finding, Link, Mailbox, ParsedMail, Report
from daimon.mail.structure import Part

_SUBJECT_CHARS = 2_000


def parse(octets: bytes) -> ParsedMail:
    """Read a mail whole. Every step is linear and ends at the figures of `bounds`; what was cut is a finding."""
    top = header.read(octets)
    layout = structure.read(octets, top)
    shown, files = _sorted(layout.parts)
    said = body.read(octets, shown)
    attachments, unsafe = _attachments(octets, files)
    notes = (*_header_notes(top), *layout.findings, *said.findings)
    report = dsn.read_report(octets, top, layout.parts, said.text)
    return _mail(top, said, attachments, notes, unsafe, report=report)


def attachment(octets: bytes, index: int) -> bytes:
    """Return the decoded content of the attachment that `parse` gave this index. Raises IndexError for any other."""
    parts = structure.read(octets, header.read(octets)).parts
    part = parts[index] if index >= 0 else None
    if part is None or body.is_body(part, index):
        raise IndexError(index)
    return transfer.decode(octets[part.start : part.end], part.encoding)


def attachments(octets: bytes, indexes: Sequence[int]) -> list[bytes]:
    """Return the decoded contents of several attachments, reading the mail's structure once. Raises IndexError."""
    parts = structure.read(octets, header.read(octets)).parts
    found = [parts[index] for index in indexes]
    return [transfer.decode(octets[part.start : part.end], part.encoding) for part in found]


def headers(octets: bytes) -> dict[str, list[str]]:
    """Return the fields of a mail's header, decoded, by their names in lower case."""
    return _headers(header.read(octets))


def headers_only(octets: bytes) -> ParsedMail:
    """Read what can be read in a few milliseconds of any mail; the finding `unparsed` says that it was not parsed."""
    top = header.read(
        octets,
        octets_kept=bounds.FALLBACK_HEADER_OCTETS,
        fields_kept=bounds.FALLBACK_HEADER_FIELDS,
        field_octets=bounds.FALLBACK_FIELD_OCTETS,
        section_within=bounds.FALLBACK_HEADER_OCTETS,
    )
    beginning = octets[: top.body + bounds.FALLBACK_BODY_OCTETS]
    text = structure.text_of(beginning, top)
    said = body.bare(beginning, text) if text is not None else Body("", None, (), (), "", ())
    note = Finding("unparsed", "The mail could not be parsed; its header and raw octets are all there is.")
    return _mail(top, said, (), (note, *_header_notes(top), *said.findings), [], extract=False)


def _sorted(parts: tuple[Part, ...]) -> tuple[list[Part], list[tuple[int, Part]]]:
    """Tell body parts from attachments; an attachment's index is its place among all leaves."""
    shown = [part for position, part in enumerate(parts) if body.is_body(part, position)]
    files = [(position, part) for position, part in enumerate(parts) if not body.is_body(part, position)]
    return shown, files


def _attachments(octets: bytes, files: list[tuple[int, Part]]) -> tuple[tuple[Attachment, ...], list[Finding]]:
    found: list[Attachment] = []
    unsafe: list[Finding] = []
    for index, part in files:
        content = transfer.decode(octets[part.start : part.end], part.encoding)
        inline = part.disposition == "inline" or (part.disposition != "attachment" and part.content_id is not None)
        found.append(Attachment(part.filename, part.content_type, len(content), inline, part.content_id, index))
        unsafe.extend(dangerous_file.findings(part.filename, content))
    return tuple(found), unsafe


def _header_notes(top: Header) -> list[Finding]:
    notes = []
    if top.cut:
        notes.append(Finding("header_cut", "The header is longer than is read; its first fields are shown."))
    if top.odd:
        notes.append(Finding("malformed_header", "The header holds lines that are no header field."))
    return notes


def _mail(
    top: Header,
    said: Body,
    attachments: tuple[Attachment, ...],
    notes: tuple[Finding, ...],
    unsafe: list[Finding],
    *,
    extract: bool = True,
    report: Report | None = None,
) -> ParsedMail:
    subject = top.text("subject")[:_SUBJECT_CHARS]
    authors = _mailboxes(top, "from")
    sender = next(iter(authors), None)
    to, cc, bcc = (_mailboxes(top, name) for name in ("to", "cc", "bcc"))
    found = _Extracted(subject, said) if extract else None
    reply_body = found.reply_body if found else said.text
    moment = date.parse(top.text("date"))
    findings = [*notes, *screen.of_sender(sender), *unsafe]
    if found:
        findings += found.findings
    if bounds.MAILBOXES in (len(to), len(cc), len(bcc)):
        findings.append(Finding("addresses_cut", f"The first {bounds.MAILBOXES} addresses of a field are shown."))
    if moment is None:
        findings.append(Finding("no_date", "The mail has no readable date."))
    spam_score = screen.score(findings)
    return ParsedMail(
        subject=subject,
        from_=sender,
        authors=_domains(authors),
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=_mailboxes(top, "reply-to"),
        date=moment,
        message_id=threading.message_id(top.first("message-id")),
        in_reply_to=threading.message_ids(top.first("in-reply-to")),
        references=threading.message_ids(top.first("references")),
        headers=_headers(top),
        body_text=said.text,
        body_html=said.html,
        reply_body=reply_body,
        preview=preview(reply_body or said.text),
        links=found.links if found else (),
        cta_links=found.cta_links if found else (),
        codes=found.codes if found else (),
        attachments=attachments,
        findings=tuple(findings),
        spam_score=spam_score,
        verdict=screen.verdict(spam_score),
        report=report,
    )


class _Extracted:
    """What is read out of the words."""

    def __init__(self, subject: str, said: Body) -> None:
        searched = words.of(subject, said.text)
        self.reply_body: str = reply_text.new_text(said.text)
        self.links: tuple[Link, ...] = links.of_html(said.links) or links.of_text(said.text)
        self.cta_links: tuple[Link, ...] = links.calls_to_action(self.links)
        self.codes: tuple[Code, ...] = codes.find(searched)
        self.findings: list[Finding] = screen.of_words(searched, said.hidden, said.preheader)


def _mailboxes(top: Header, name: str) -> tuple[Mailbox, ...]:
    return mailboxes.parse(top.every(name))


def _domains(people: tuple[Mailbox, ...]) -> tuple[str, ...]:
    """Return the domains of addresses, each once: a few, for more than one is too many already."""
    return tuple(dict.fromkeys(domain_of(person.address) for person in people[: bounds.AUTHORS]))


def _headers(top: Header) -> dict[str, list[str]]:
    return {
        name: [encoded_word.decode(value) if "=?" in value else value for value in values]
        for name, values in top.fields.items()
    }


def preview(text: str) -> str:
    """Return the beginning of a text in one line."""
    words = " ".join(text[: bounds.PREVIEW_CHARS * 4].split())
    return words if len(words) <= bounds.PREVIEW_CHARS else words[: bounds.PREVIEW_CHARS - 1].rstrip() + "…"
