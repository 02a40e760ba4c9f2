"""What is taken to be sent by SMTP, what is made of it, and what is refused."""

import smtplib
from typing import Any

import dkim
import pytest

from api.conftest import bearer
from daimon.inboxes.arrival import Understood
from daimon.mail import dkim_signing
from daimon.messages.content import unreadable
from daimon.smtpd.reading import TwoReaders

from .conftest import MAIL, Serve, Submission, b64, posted, with_header

FROM = "From: Agent <agent@daimon.email>"


async def shown(submission: Submission, message_id: str) -> dict[str, Any]:
    """Return a message of the inbox."""
    found: dict[str, Any] = await submission.post.get(f"/v1/inboxes/{submission.post.inbox}/messages/{message_id}")
    return found


async def raw(submission: Submission, message_id: str) -> bytes:
    """Return the octets of a message."""
    path = f"/v1/inboxes/{submission.post.inbox}/messages/{message_id}/raw"
    answer = await submission.post.edge.http.get(path, headers=bearer(submission.post.key))
    return answer.content


async def refusal(submission: Submission, octets: bytes = MAIL, *to: str, **how: Any) -> str:
    """Submit what is refused, and return the reply."""
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        await submission.submit(octets, *to, **how)
    text = refused.value.smtp_error
    return f"{refused.value.smtp_code} {text.decode() if isinstance(text, bytes) else text}"


async def test_the_road_of_the_api(submission: Submission, working: object) -> None:
    """An outbound message in the inbox, a delivery here, an entry in the trail, a use of the day's sends."""
    post = submission.post
    friend = await post.edge.create_inbox(post.key, username="friend")
    message_id = await submission.submit()
    [delivery] = await post.decided(message_id)
    assert (delivery["recipient"], delivery["kind"], delivery["status"]) == ("friend@daimon.email", "to", "delivered")
    message = await shown(submission, message_id)
    assert (message["direction"], message["subject"], message["body_text"]) == ("outbound", "Hello", "Hi there.")
    assert message["status"] == "delivered"
    [arrived] = await post.received(friend["id"])
    assert arrived["from_address"] == "agent@daimon.email"
    assert arrived["message_id"] == message["message_id"]
    entry = next(each for each in (await post.get("/v1/audit?limit=100"))["audit"] if each["action"] == "send_message")
    assert entry["target"] == message_id
    assert entry["actor"]["key_id"] == (await post.get("/v1/whoami"))["key_id"]
    assert (await post.get("/v1/account"))["limits"]["current_sends_today"] == 1


async def test_what_is_added_and_what_is_taken_off(submission: Submission) -> None:
    """Message-ID and Date if they lack, signatures before those that are there; no Bcc leaves."""
    octets = with_header(
        "Return-Path: <x@example.com>", "DKIM-Signature: v=1; d=example.com", FROM, "To: a@example.com",
        "BCC: secret@example.com,\r\n other@example.com", "cc: c@example.com", "X-Mailer: mine\r\n\tfolded",
        "Subject: S",
    )  # fmt: skip
    message_id = await submission.submit(octets, "a@example.com", "C@example.com", "secret@example.com")
    sent = (await raw(submission, message_id)).decode()
    head, _, body = sent.partition("\r\n\r\n")
    names = [line.partition(":")[0] for line in head.split("\r\n") if line[0] not in " \t"]
    assert names == [
        "DKIM-Signature", "DKIM-Signature", "Date", "Message-ID", "DKIM-Signature", "From", "To", "cc", "X-Mailer",
        "Subject",
    ]  # fmt: skip
    assert "secret" not in sent
    assert body == "Hi there.\r\n"
    kinds = {each["recipient"]: each["kind"] for each in await submission.post.deliveries(message_id)}
    assert kinds == {"a@example.com": "to", "C@example.com": "cc", "secret@example.com": "bcc"}
    assert [each["address"] for each in (await shown(submission, message_id))["bcc"]] == ["secret@example.com"]
    kept = with_header(FROM, "Date: Mon, 16 Mar 2026 10:30:00 +0000", "Message-ID: <mine@example.com>")
    assert (await shown(submission, await submission.submit(kept)))["message_id"] == "<mine@example.com>"


async def test_it_is_signed(submission: Submission) -> None:
    """By the keys of the inbox's domain, over all that leaves."""
    octets = await raw(
        submission, await submission.submit(with_header(FROM, "To: a@example.com", "Bcc: b@example.com"))
    )
    services = submission.post.edge.services
    async with services.jobs.read() as jobs:
        keys = await services.road.signing.for_domain(jobs, "daimon.email")
    published = {f"{key.selector}._domainkey.{key.domain}.".encode(): dkim_signing.record(key).encode() for key in keys}
    for nth in range(len(keys)):
        assert dkim.DKIM(octets).verify(nth, dnsfunc=lambda name, timeout=5: published.get(name))


def stuck(octets: bytes) -> Understood:
    """Read for ever, as a mail may make a reader do."""
    while octets:
        pass
    return unreadable("nothing")


async def test_a_mail_that_takes_too_long_to_read(serve: Serve) -> None:
    """It is refused after its share of CPU time, and costs the next one nothing."""
    reader = TwoReaders(stuck, quick_seconds=0.05, slow_seconds=0.1)
    submission = await serve(reader=reader)
    assert await refusal(submission) == "554 5.6.0 the mail could not be read: it took more CPU time than allowed"
    reader.close()
    async with submission.post.edge.database.read() as db:
        assert await db.fetchval("select count(*) from leases") == 0


async def test_an_answer_joins_its_thread(submission: Submission) -> None:
    """By the ids in its header, as any mail does."""
    first = await shown(submission, await submission.submit())
    answer = with_header(FROM, "Subject: Re: Hello", f"In-Reply-To: {first['message_id']}")
    assert (await shown(submission, await submission.submit(answer)))["thread_id"] == first["thread_id"]


@pytest.mark.parametrize(
    "fields",
    [
        ("From: boss@example.com",),
        ("From: other@daimon.email",),
        ("Subject: from nobody",),
        (FROM, FROM),
        (FROM, "from : boss@example.com"),
        ("From: agent@daimon.email, boss@example.com",),
        ("From: boss@example.com <agent@daimon.email>",),
        ("From: <boss@example.com> <agent@daimon.email>",),
        ("From: agent@daimon.email (boss@example.com)",),
        ("From: boss: agent@daimon.email;",),
        ("From: <@example.com:agent@daimon.email>",),
        ("From: agent@daimon.email\r\n ,boss@example.com",),
        ('From: "unclosed <agent@daimon.email>',),
        ("From:",),
        ("From: agent",),
    ],
)
async def test_a_sender_that_the_key_does_not_reach(submission: Submission, fields: tuple[str, ...]) -> None:
    """One From, of one address, read as every reader would."""
    await submission.post.edge.open_account(username="other")
    assert (await refusal(submission, with_header(*fields, "To: friend@daimon.email"))).startswith("550 5.7.1 ")


@pytest.mark.parametrize(
    "field",
    [
        "From: agent@daimon.email",
        'FROM : "Agent, the <first>" <agent+tag@Daimon.Email>',
        "From: =?utf-8?q?J=C3=B6rg?=\r\n <agent@daimon.email>",
        "From: Agent Q. Smith\r\n\t<agent@daimon.email>",
    ],
)
async def test_a_sender_that_it_reaches(submission: Submission, field: str) -> None:
    """However it is written."""
    assert await submission.submit(with_header(field, "To: friend@daimon.email"))


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        (with_header(FROM, "Subject: a", "Subject: b"), "554 5.6.0 *subject"),
        (with_header(FROM, "no field at all"), "554 5.6.0 *line 2 "),
        (with_header(FROM, "X: a\r\n \r\n b"), "554 5.6.0 *line 3 "),
        (with_header(FROM, "Subject: \u00fc"), "554 5.6.0 *SMTPUTF8"),
        (with_header(FROM, *(f"X-{n}: y" for n in range(1001))), "554 5.6.0 *1000 fields"),
        (with_header(FROM, *("X: " + "y" * 900 for _ in range(400))), "554 5.6.0 *262144 octets"),
        (with_header(FROM) + b"nul \0\r\n", "554 5.6.0 *NUL"),
        (with_header(FROM) + b"x" * 999 + b"\r\n", "552 5.6.0 *too long"),
    ],
    ids=["twice", "no field", "blank fold", "utf-8", "fields", "header", "nul", "line"],
)
async def test_a_mail_that_cannot_be_sent(submission: Submission, octets: bytes, reply: str) -> None:
    """Said at the end of the data; nothing is kept."""
    said = await refusal(submission, octets)
    start, _, rest = reply.partition("*")
    assert said.startswith(start)
    assert rest in said
    assert (await submission.post.get(f"/v1/inboxes/{submission.post.inbox}/messages"))["messages"] == []


async def test_too_large(submission: Submission) -> None:
    """Told by its announced size before it is sent, and by what comes."""

    def act(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.login("agent@daimon.email", submission.post.key)
        return client.mail("agent@daimon.email", ["SIZE=1048577"])

    assert (await submission.talk(act))[0] == 552
    lines = b"".join(b"x" * 900 + b"\r\n" for _ in range(1200))
    assert (await refusal(submission, with_header(FROM) + lines)).startswith("552 5.3.4 ")


@pytest.mark.parametrize("smuggled", ["\\n.\\n", "\\n.\\r\\n", "\\r.\\r", "\\r\\n.\\n", "\\r.\\r\\n"])
async def test_a_second_mail_is_not_smuggled(submission: Submission, smuggled: str) -> None:
    """CVE-2023-51764: a lone dot between line ends that are not both CRLF ends the session, not the mail."""
    client = await submission.client()
    await client.follow(f"""
        S: 220 *
        C: EHLO client.example
        S: 250-*
        C: AUTH PLAIN {_plain(submission)}
        S: 235 *
        C: MAIL FROM:<agent@daimon.email>
        C: RCPT TO:<friend@daimon.email>
        C: DATA
        S: 250 *
        S: 250 *
        S: 354 *
        C> From: agent@daimon.email\\r\\n\\r\\nfirst{smuggled}MAIL FROM:<boss@daimon.email>\\r\\n.\\r\\n
        S: 550 5.5.2 *
        EOF
    """)


async def test_line_ends_alone_are_refused(submission: Submission) -> None:
    """RFC 5321 §2.3.8, in chunks too, where no dot counts."""
    client = await submission.client()
    await client.follow(f"""
        S: 220 *
        C: EHLO client.example
        S: 250-*
        C: AUTH PLAIN {_plain(submission)}
        S: 235 *
        C: MAIL FROM:<agent@daimon.email>
        C: RCPT TO:<friend@daimon.email>
        S: 250 *
        S: 250 *
        C> BDAT 42 LAST\\r\\nFrom: agent@daimon.email\\r\\n\\r\\nfirst\\nsecond\\r\\n
        S: 554 5.6.0 *
        C: MAIL FROM:<agent@daimon.email>
        C: RCPT TO:<friend@daimon.email>
        C> BDAT 39 LAST\\r\\nFrom: agent@daimon.email\\r\\n\\r\\nno line end
        S: 250 *
        S: 250 *
        S: 250 2.0.0 Queued as msg_*
    """)


def _plain(submission: Submission) -> str:
    return b64("\0agent@daimon.email\0" + submission.post.key)


async def test_a_hundred_recipients(submission: Submission) -> None:
    """All of them have their delivery; the next is put off, and the same one twice is one."""
    everybody = [f"u{n}@example.com" for n in range(100)]
    message_id = await submission.submit(MAIL, *everybody)
    assert {each["recipient"] for each in await submission.post.deliveries(message_id)} == set(everybody)
    assert (await refusal(submission, MAIL, *everybody, "one-more@example.com")).startswith("452 4.5.3 ")
    twice = await submission.submit(MAIL, "a@example.com", "a@EXAMPLE.com")
    assert [each["recipient"] for each in await submission.post.deliveries(twice)] == ["a@example.com"]


async def test_addresses_beyond_ascii(submission: Submission) -> None:
    """With SMTPUTF8 in the header and the envelope (RFC 6531)."""
    octets = f"{FROM}\r\nTo: j\u00f6rg@example.com\r\nSubject: \u00fc\r\n\r\nH\u00e4\r\n".encode()

    def act(client: smtplib.SMTP) -> str:
        client.login("agent@daimon.email", submission.post.key)
        client.command_encoding = "utf-8"
        return posted(client, octets, "j\u00f6rg@example.com", options=("SMTPUTF8", "BODY=8BITMIME"))

    message = await shown(submission, await submission.talk(act))
    assert (message["subject"], message["body_text"]) == ("\u00fc", "H\u00e4")
    assert await submission.post.deliveries(message["id"])


async def test_an_inbox_key_sends_from_its_inbox(submission: Submission) -> None:
    """And from no other of its account."""
    opened = await submission.post.edge.create_inbox(submission.post.key, username="narrow")
    key = opened["inbox_api_key"]

    def act(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.login("narrow@daimon.email", key)
        refused = client.mail("agent@daimon.email")
        with pytest.raises(smtplib.SMTPResponseException, match=r"5\.7\.1"):
            posted(client, MAIL, mail_from="")
        assert posted(client, with_header("From: narrow@daimon.email"), mail_from="narrow@daimon.email")
        return refused

    code, text = await submission.talk(act)
    assert (code, text.startswith(b"5.7.1 ")) == (550, True)


@pytest.mark.parametrize(
    ("change", "reply"),
    [
        ("update accounts set tier = 'free'", "550 5.7.1 The free tier receives only"),
        ("update accounts set status = 'under_review'", "550 5.7.1 The account is under review"),
        ("update accounts set status = 'suspended'", "550 5.7.1 The account is suspended"),
        ("update inboxes set status = 'suspended' where username = 'agent'", "550 5.7.1 "),
        (
            "insert into quotas (account_id, quota, used, day)"
            " select account_id, 'sends_per_day', 10000, now() at time zone 'utc' from accounts",
            "452 4.7.0 The growth tier allows 10000 sends a day",
        ),
        (
            "insert into quotas (account_id, quota, used) select account_id, 'concurrent_sends', 20 from accounts",
            "451 4.7.0 The growth tier allows 20 sends at one time, and as many are running.; try again in 1 s",
        ),
        (
            "insert into rates (account_id, rate, full_at) select account_id, 'sends', now() + interval '1 h'"
            " from accounts",
            "451 4.7.0 The growth tier allows 100 sends within a minute.; try again in ",
        ),
    ],
    ids=["free", "review", "suspended", "inbox", "day", "concurrency", "burst"],
)
async def test_the_limits_of_the_api(submission: Submission, change: str, reply: str) -> None:
    """In its words, with a code that says whether waiting helps."""
    await submission.post.execute(change)
    assert (await refusal(submission)).startswith(reply)
    async with submission.post.edge.database.read() as db:
        assert await db.fetchval("select count(*) from messages") == 0
