"""Mails made to hurt whoever reads them. `HOSTILE` maps a name to a builder; each mail is at most 25 MiB."""

import base64
import io
import random
import zipfile
from collections.abc import Callable

MIB = 1024 * 1024
_HEAD = b"From: Mallory <mallory@example.org>\r\nTo: victim@example.com\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"


def _multipart(inner: bytes, boundary: bytes = b"b", subtype: bytes = b"mixed") -> bytes:
    return _HEAD + b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n%s' % (subtype, boundary, inner)


def _html(html: bytes) -> bytes:
    return _HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html


def _plain(text: bytes) -> bytes:
    return _HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text


def _repeat(unit: bytes, size: int) -> bytes:
    return (unit * (size // len(unit) + 1))[:size]


def _nested(levels: int) -> bytes:
    mail = [_HEAD]
    mail.extend(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(levels)
    )
    mail.append(b"Content-Type: text/plain\r\n\r\nthe innermost words\r\n")
    mail.extend(b"--b%d--\r\n" % level for level in reversed(range(levels)))
    return b"".join(mail)


def _nested_unclosed(levels: int) -> bytes:
    return _nested(levels).split(b"the innermost words")[0]


def _nested_messages(levels: int) -> bytes:
    return _HEAD + b"Content-Type: message/rfc822\r\n\r\n" * levels + b"Subject: inner\r\n\r\nhi\r\n"


def _nested_base64_messages(levels: int) -> bytes:
    mail = b"Subject: innermost\r\n\r\nhi\r\n"
    for _ in range(levels):
        encoded = base64.encodebytes(mail)
        mail = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded
    return _HEAD + mail


def _parts(count: int) -> bytes:
    part = b"--b\r\nContent-Type: application/octet-stream; name=f%d\r\n\r\nx\r\n"
    return _multipart(b"--b\r\n\r\nthe first words\r\n" + b"".join(part % n for n in range(count)) + b"--b--\r\n")


def _html_parts(count: int) -> bytes:
    part = b"--b\r\nContent-Type: text/html\r\n\r\n<p>word " + b"<b>x</b>" * 100 + b"\r\n"
    return _multipart(part * count + b"--b--\r\n")


def _multiparts_in_a_row(count: int) -> bytes:
    inner = (
        b"--b\r\nContent-Type: multipart/mixed; boundary=c%d\r\n\r\n--c%d\r\n\r\nx\r\n" % (n, n) for n in range(count)
    )
    return _multipart(b"".join(inner))


def _many_long_boundaries() -> bytes:
    boundary = b"x" * 900
    mail = [_HEAD]
    for level in range(200):
        name = boundary + b"%d" % level
        mail.append(b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n" % (name, name))
    return b"".join(mail) + b"--" + _repeat(b"x" * 900 + b"\r\n--", 10 * MIB)


def _zip_of_many() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(5_000):
            archive.writestr(f"{number}.txt", b"")
    part = b"--b\r\nContent-Type: application/zip; name=z.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return _multipart(part + base64.encodebytes(packed.getvalue()) + b"--b--\r\n")


def _noise(size: int) -> bytes:
    return random.Random(7).randbytes(size)  # the same noise each time


def _report(status: bytes, kind: bytes = b"message/delivery-status") -> bytes:
    parts = b"--b\r\n\r\nwords\r\n--b\r\nContent-Type: %s\r\n\r\n%s\r\n--b--\r\n" % (kind, status)
    return _HEAD + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" + parts


def _bounce(text: bytes) -> bytes:
    return b"From: MAILER-DAEMON@example.org\r\nSubject: failure notice\r\n\r\n" + text


def _sets(count: int, padding: bytes = b"") -> bytes:
    """Return the sets of an Authenticated Received Chain, whose signatures are nothing."""
    one = (
        b"ARC-Seal: i=%d; a=rsa-sha256; cv=%s; d=d%d.example; s=s; b=eA==\r\n"
        b"ARC-Message-Signature: i=%d; a=rsa-sha256; c=relaxed/relaxed; d=d%d.example; s=s; h=from; bh=eA==; b=eA==\r\n"
        b"ARC-Authentication-Results: i=%d; mx.example; arc=none%s\r\n"
    )
    return b"".join(
        one % (n, b"pass" if n > 1 else b"none", n, n, n, n, padding) for n in reversed(range(1, count + 1))
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one_octet": lambda: b"x",
    "only_line_ends": lambda: b"\r\n" * 100_000,
    "only_nuls": lambda: b"\x00" * MIB,
    "nuls_everywhere": lambda: b"Sub\x00ject: a\x00b\r\nFrom: a\x00@example.org\r\nSubject: c\x00d\r\n\r\nbo\x00dy\x00",
    "noise": lambda: _noise(4 * MIB),
    "noise_as_base64": lambda: _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + _noise(8 * MIB),
    "noise_as_quoted_printable": lambda: (
        _HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + _noise(8 * MIB)
    ),
    "no_headers": lambda: b"just words\nand more: of them\n",
    "no_body": lambda: b"Subject: x",
    "text_of_25_mib": lambda: _plain(_repeat(b"The quick brown fox jumps over the lazy dog.\r\n", 25 * MIB - 500)),
    "one_line_of_25_mib": lambda: _plain(_repeat(b"abcdefgh ", 25 * MIB - 500)),
    "html_of_25_mib": lambda: _html(_repeat(b"<p>The quick <b>brown</b> fox.</p>\n", 25 * MIB - 500)),
    "attachment_of_25_mib": lambda: _multipart(
        b"--b\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(bytes(18 * MIB))
        + b"--b--\r\n"
    ),
    "base64_padding": lambda: (
        _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + _repeat(b"QQ==\r\n", 25 * MIB - 500)
    ),
    "uuencoded": lambda: (
        _HEAD + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n" + _repeat(b"#86)C\r\n", 20 * MIB)
    ),
    "flowed": lambda: _HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + _repeat(b"> a \r\n", 20 * MIB),
    "flowed_one_paragraph": lambda: (
        _HEAD + b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n" + _repeat(b"a \r\n", 20 * MIB)
    ),
    # headers
    "header_of_5_mb": lambda: _HEAD + b"X-A: y\r\n" * 625_000 + b"\r\nbody",
    "header_field_of_5_mb": lambda: _HEAD + b"X-A: " + b"y" * 5_000_000 + b"\r\n\r\nbody",
    "header_folded_5_mb": lambda: _HEAD + b"X-A: y\r\n" + b" y\r\n" * 1_250_000 + b"\r\nbody",
    "header_never_ends": lambda: _repeat(b"X-A: y\r\n", 25 * MIB),
    "header_without_colons": lambda: _HEAD + _repeat(b"nonsense without a colon\r\nX-A: 1\r\n", 5 * MIB) + b"\r\nbody",
    "header_name_of_5_mb": lambda: b"X" * 5_000_000 + b": y\r\n\r\nbody",
    "header_name_of_250_kb": lambda: _HEAD + b"X" * 250_000 + b"\r\n\r\nbody",
    "header_names_of_nobody": lambda: _HEAD + b"XY " * 80_000 + b"\r\n\r\nbody",
    "encoded_words": lambda: _HEAD + b"X-A: " + b"=?utf-8?q?a?= " * 350_000 + b"\r\n\r\nbody",
    "encoded_words_in_subject": lambda: b"Subject: " + b"=?utf-8?b?4oKs?=\r\n " * 200_000 + b"\r\n\r\nbody",
    "encoded_words_unfinished": lambda: b"Subject: " + b"=?utf-8?q?" * 500_000 + b"\r\n\r\nbody",
    "encoded_words_everywhere": lambda: b"".join(b"X-%d: =?utf-8?q?a?=\r\n" % n for n in range(20_000)) + b"\r\nbody",
    "charset_punycode": lambda: b"Subject: =?punycode?q?" + b"a" * 60_000 + b"-999999?=\r\n\r\nbody",
    "semicolons": lambda: _HEAD + b"Content-Type: text/plain" + b";" * 5_000_000 + b"\r\n\r\nbody",
    "semicolons_in_parts": lambda: _multipart(
        (b"--b\r\nContent-Type: text/plain" + b";" * 15_000 + b"\r\n\r\nx\r\n") * 1_000
    ),
    "parameters": lambda: _HEAD + b"Content-Type: text/plain" + b";a=b" * 1_000_000 + b"\r\n\r\nbody",
    "parameter_sections": lambda: (
        _HEAD + b"Content-Type: text/plain" + b"".join(b"; name*%d*=%%41" % n for n in range(100_000)) + b"\r\n\r\nbody"
    ),
    "parameter_quotes": lambda: _HEAD + b'Content-Type: text/plain; name="' + b'\\"' * 500_000 + b"\r\n\r\nbody",
    "parameter_spaces": lambda: (
        _HEAD + b"Content-Type: text/plain" + b" ;" * 500_000 + b" " * 500_000 + b"\r\n\r\nbody"
    ),
    "comments_nested": lambda: b"From: " + b"(" * 1_000_000 + b"a@example.org\r\n\r\nbody",
    "comments_closed": lambda: b"From: " + b"(" * 200_000 + b")" * 200_000 + b" a@example.org\r\n\r\nbody",
    "addresses": lambda: b"To: " + b"a@b.example, " * 400_000 + b"\r\n\r\nbody",
    "addresses_with_names": lambda: b"To: " + b'"a b" <a@b.example>, ' * 240_000 + b"\r\n\r\nbody",
    "addresses_in_many_fields": lambda: b"To: a@b.example, c@d.example\r\n" * 100_000 + b"\r\nbody",
    "address_quotes": lambda: b'From: "' + b"\\" * 1_000_000 + b"\r\n\r\nbody",
    "address_angles": lambda: b"From: " + b"<" * 1_000_000 + b"\r\n\r\nbody",
    "address_groups": lambda: b"To: " + b"g:" * 500_000 + b"\r\n\r\nbody",
    "address_brackets": lambda: b"To: " + b"[" * 1_000_000 + b"\r\n\r\nbody",
    "references": lambda: b"References: " + b"<a@b.example>\r\n " * 300_000 + b"\r\n\r\nbody",
    "references_open": lambda: b"References: " + b"<" * 1_000_000 + b"\r\n\r\nbody",
    "subject_of_replies": lambda: b"Subject: " + b"Re: " * 1_000_000 + b"x\r\n\r\nbody",
    # Authenticated Received Chain
    "arc_sets_50": lambda: _sets(50, b" " * 4_500) + _plain(b"body\r\n" * 3_000_000),
    "arc_sets_600": lambda: _sets(600) + _plain(b"body"),
    "arc_seals": lambda: b"ARC-Seal:\r\n" * 20_000 + _plain(b"body"),
    "arc_seals_alike": lambda: b"ARC-Seal: i=1; cv=none; d=a.example; s=s; b=eA==\r\n" * 4_000 + _plain(b"body"),
    "arc_number": lambda: _sets(1).replace(b"i=1;", b"i=" + b"1" * 60_000 + b";") + _plain(b"body"),
    "arc_tags": lambda: b"ARC-Seal: i=1" + b";a=b" * 60_000 + b"\r\n" + _plain(b"body"),
    "arc_semicolons": lambda: _sets(1, b";" * 100_000).replace(b"b=eA==", b";" * 40_000) + _plain(b"body"),
    "arc_folds": lambda: _sets(1, b"\r\n " * 80_000) + _plain(b"body"),
    "arc_comments": lambda: b"ARC-Authentication-Results: " + b"(" * 200_000 + b"\r\n" + _plain(b"body"),
    "arc_comments_closed": lambda: b"ARC-Authentication-Results: " + b"()" * 100_000 + b"\r\n" + _plain(b"body"),
    "arc_nuls": lambda: _sets(2).replace(b"; ", b";\x00 ") + _plain(b"body"),
    "arc_names": lambda: _sets(1).replace(b"h=from", b"h=from" + b":from:x" * 2_000) + _plain(b"body"),
    # structure
    "nested_100": lambda: _nested(100),
    "nested_1000": lambda: _nested(1_000),
    "nested_50000": lambda: _nested(50_000),
    "nested_50000_unclosed": lambda: _nested_unclosed(50_000),
    "nested_messages": lambda: _nested_messages(50_000),
    "nested_base64_messages": lambda: _nested_base64_messages(38),
    "parts_10000": lambda: _parts(10_000),
    "parts_100000_empty": lambda: _multipart(b"--b\r\n\r\n" * 100_000 + b"--b--\r\n"),
    "parts_without_blank_lines": lambda: _multipart(b"--b\r\nContent-Type: text/plain\r\n" * 100_000),
    "parts_html": lambda: _html_parts(2_000),
    "multiparts_in_a_row": lambda: _multiparts_in_a_row(50_000),
    "delimiters_of_nobody": lambda: _multipart(_repeat(b"--nobody\r\n", 24 * MIB)),
    "delimiters_of_dashes": lambda: _multipart(_repeat(b"\n--", 24 * MIB)),
    "long_boundaries": _many_long_boundaries,
    "boundary_missing": lambda: _HEAD + b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\nwords\r\n--x--\r\n",
    "boundary_wrong": lambda: _HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--b\r\n\r\nwords\r\n--b--\r\n",
    "boundary_empty": lambda: _HEAD + b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nwords\r\n',
    "zip_of_many": _zip_of_many,
    # reports
    "report_recipients": lambda: _report(b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n" * 100_000),
    "report_folds": lambda: _report(b"Diagnostic-Code: smtp;\r\n" + b" 5\r\n" * 1_000_000),
    "report_gaps": lambda: _report(b"\r\n" * 2_000_000),
    "report_one_line": lambda: _report(b"Status: " + b"5." * 1_000_000),
    "report_parts": lambda: _report(b"--b\r\nContent-Type: message/rfc822\r\n\r\n" * 10_000),
    "report_escapes": lambda: _report(b"Final-Recipient: utf-8; " + b"\\x{10FFFF}\\x{D800}\\x{FFFFFF}" * 20_000),
    "report_comments": lambda: _report(b"Final-Recipient: rfc822; " + b"(" * 500_000 + b" " * 500_000),
    "report_feedback": lambda: _report(b"Original-Rcpt-To: <a@b.example>\r\n" * 500_000, b"message/feedback-report"),
    "bounce_addresses": lambda: _bounce(b"<a@b.example>: 550 5.1.1 no\r\n" * 100_000),
    "bounce_one_line": lambda: _bounce(b"a@b.example " * 200_000),
    "bounce_at_signs": lambda: _bounce((b"a" * 60 + b"@") * 50_000),
    "bounce_letters": lambda: _bounce(b"a" * MIB),
    "bounce_labels": lambda: _bounce((b"To" + b" " * 900 + b"\r\n") * 2_000),
    "bounce_hosts": lambda: _bounce(b"550 host " + b"a-b." * 250_000),
    "bounce_codes": lambda: _bounce(b"550 " * 250_000),
    "bounce_dots": lambda: _bounce(b"5.1." * 250_000),
    "bounce_dashes": lambda: _bounce((b"-" * 900 + b"\n") * 1_000),
    "bounce_blanks": lambda: _bounce((b" " * 900 + b"x\n") * 1_000),
    # HTML
    "html_nested": lambda: _html(b"<div>" * 400_000),
    "html_nested_misclosed": lambda: _html(b"<div><table><tr><td></div></table>" * 60_000),
    "html_nested_in_scopes": lambda: _html(b"<div><marquee></div></marquee>" * 60_000),
    "html_formatting": lambda: _html(b"<b></a>" * 300_000),
    "html_formatting_blocks": lambda: _html(b"<b><p>" * 300_000),
    "html_adoption": lambda: _html(b"<a><div></a>" * 100_000),
    "html_fonts": lambda: _html(b"<font color=a><div>" * 100_000),
    "html_attributes": lambda: _html(b"<p " + b" ".join(b"a%d=b" % n for n in range(150_000)) + b">x"),
    "html_short_attributes": lambda: _html((b"<p " + b" ".join(b"a%d" % n for n in range(3_000)) + b">x</p>") * 30),
    "html_comment": lambda: _html(b"<!--" * 500_000),
    "html_entities": lambda: _html(b"&amp&lt;&#x1d11e;&nosuch;" * 80_000),
    "html_links": lambda: _html(b"".join(b'<a href="https://x.example/%d">w</a>' % n for n in range(40_000))),
    "html_unclosed_links": lambda: _html(b'<a href="https://x.example">' * 60_000),
    "html_open_tags": lambda: _html(b"<a " * 600_000),
    "html_lists": lambda: _html(b"<ul><li>" * 200_000),
    "html_quotes": lambda: _html(b"<blockquote>x" * 100_000),
    "html_styles": lambda: _html(b"<style>" + b".a{display:none}" * 60_000 + b"</style><p class=a>x"),
    "html_style_elements": lambda: _html(b"<style>.a{display:none}</style>" * 30_000),
    "html_style_attributes": lambda: _html((b'<p style="' + b"a:b;" * 500 + b'">x</p>') * 500),
    "html_data_uris": lambda: _html(
        b'<img src="data:image/png;base64,' + b"A" * 999 * 1000 + b'">' + b"data:" * 200_000
    ),
    "html_scripts": lambda: _html(b"<script>" * 200_000),
    "html_deep_scripts": lambda: _html(b"<div>" * 1_000 + b"<script><style>" * 30_000),
    "html_text_without_end": lambda: _html(b"<p>" + b"word " * 400_000),
    "html_spaces": lambda: _html(b"<pre>" + b" " * 500_000 + b"x"),
    # text
    "text_urls": lambda: _plain(b"https://x.example/a " * 50_000),
    "text_url_of_1_mb": lambda: _plain(b"https://x.example/" + b"a" * MIB),
    "text_url_dots": lambda: _plain(b"https://x.example/" + b")" * MIB),
    "text_codes": lambda: _plain(b"code 123456\n" * 100_000),
    "text_capitals": lambda: _plain(b"A" * MIB),
    "text_dashed": lambda: _plain(b"ABC-" * 250_000),
    "text_digits": lambda: _plain(b"1 " * 500_000),
    "text_quotes": lambda: _plain(b"> " * 500_000),
    "text_quote_lines": lambda: _plain(b">\n" * 500_000),
    "text_colons": lambda: _plain(b"On 1 wrote:\n" * 80_000),
    "text_header_lines": lambda: _plain(b"From: x\n" * 120_000),
    "text_dividers": lambda: _plain(b"-" * MIB),
    "text_divider_spaces": lambda: _plain((b"- " * 200 + b"\n") * 2_500),
    "text_spaces": lambda: _plain(b" " * MIB + b"x"),
    "text_instructions": lambda: _plain(b"ignore all the " * 70_000),
    "text_signature": lambda: _plain(b"-- \n" * 250_000),
    "text_invisible": lambda: _plain("a\u200b\u2060".encode() * 100_000),
    "text_of_utf7": lambda: _HEAD + b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+2AA-" * 200_000,
    "text_of_utf16": lambda: _HEAD + b"Content-Type: text/plain; charset=utf-16\r\n\r\n" + b"\x00\xd8" * 500_000,
    "text_of_iso2022": lambda: _HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + b"\x1b$B!" * 300_000,
    "text_of_bad_utf8": lambda: _plain(b"\xff\xfe\xc3" * 400_000),
}
