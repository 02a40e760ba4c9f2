"""Who is let in to submit: by which mechanism, with which key, and for how long."""

import asyncio
import smtplib
import struct
from ipaddress import ip_address, ip_network

import pytest

from api.conftest import bearer

from .conftest import Serve, Submission, b64, posted

HELLO = """
    S: 220 smtp.daimon.email ESMTP *
    C: EHLO client.example
    S: 250-smtp.daimon.email | *250-STARTTLS | 250-AUTH PLAIN LOGIN | *
"""


async def refused(submission: Submission, user: str, key: str | None) -> tuple[int, str]:
    """Log in with what is refused, and return the reply."""
    with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
        await submission.talk(lambda client: client.login(user, key or ""))
    error = refusal.value
    return error.smtp_code, bytes(error.smtp_error).decode()  # type: ignore[arg-type]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("user", ["agent@daimon.email", "Agent@Daimon.email", "account"])
async def test_both_mechanisms_and_both_users(submission: Submission, mechanism: str, user: str) -> None:
    """An inbox's address, or the account's user, with a key that reaches it."""
    if user == "account":
        user = (await submission.post.get("/v1/account/smtp"))["username"]

    def act(client: smtplib.SMTP) -> str:
        client.user, client.password = user, submission.post.key
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        client.auth(mechanism, client.auth_plain if mechanism == "PLAIN" else client.auth_login)
        return posted(client)

    assert (await submission.talk(act)).startswith("msg_")


async def test_the_dialogue(submission: Submission) -> None:
    """AUTH in its place alone; a challenge can be cancelled, and what is malformed is no guess."""
    client = await submission.client()
    await client.follow(HELLO)
    await client.follow(f"""
        C: MAIL FROM:<agent@daimon.email>
        S: 530 5.7.0 *
        C: AUTH CRAM-MD5
        S: 504 5.5.4 *
        C: AUTH PLAIN
        S: 334 *
        C: *
        S: 501 5.7.0 *
        C: AUTH PLAIN !!!
        S: 501 5.5.2 *
        C: AUTH PLAIN =
        S: 501 5.5.2 *
        C: AUTH PLAIN {b64("a" + chr(0) + "b")}
        S: 501 5.5.2 *
        C: AUTH PLAIN {b64("other" + chr(0) + "agent@daimon.email" + chr(0) + submission.post.key)}
        S: 501 5.5.2 *
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: {b64("agent@daimon.email")}
        S: 334 UGFzc3dvcmQ6
        C: {b64(submission.post.key)}
        S: 235 2.7.0 *
        C: AUTH PLAIN
        S: 503 5.5.1 *
        C: MAIL FROM:<agent@daimon.email> SIZE=1000 BODY=8BITMIME AUTH=<>
        S: 250 2.1.0 *
        C: EHLO client.example
        S: 250-smtp.daimon.email | *
        C: MAIL FROM:<agent@daimon.email>
        C: RCPT TO:<friend@daimon.email>
        C: RCPT TO:<Postmaster>
        C: RCPT TO:<not an address>
        S: 250 2.1.0 *
        S: 250 2.1.5 *
        S: 250 2.1.5 *
        S: 501 *
        C: QUIT
        S: 221 *
        EOF
    """)


async def test_no_key_in_the_clear(serve: Serve) -> None:
    """A peer on this machine may; another has to begin TLS first, and sees no AUTH until then."""
    submission = await serve(proxy_protocol=True, trusted_proxies=(ip_network("127.0.0.1/32"),))
    client = await submission.client()
    addresses = ip_address("192.0.2.1").packed + ip_address("127.0.0.1").packed + struct.pack("!HH", 4000, 587)
    header = b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(addresses)) + addresses
    await client.send(header)
    credentials = b64("\0agent@daimon.email\0" + submission.post.key)
    await client.follow(f"""
        S: 220 *
        C: EHLO client.example
        S: 250-smtp.daimon.email | 250-PIPELINING | 250-SIZE 1048576 | 250-8BITMIME | 250-SMTPUTF8 | 250-CHUNKING | 250-STARTTLS | 250-ENHANCEDSTATUSCODES | 250 HELP
        C: AUTH PLAIN {credentials}
        S: 538 5.7.11 *
        C: STARTTLS
        S: 220 *
        TLS
        C: EHLO client.example
        S: 250-smtp.daimon.email | * | 250-AUTH PLAIN LOGIN | *
        C: AUTH PLAIN {credentials}
        S: 235 2.7.0 *
        C: QUIT
        S: 221 *
        EOF
    """)  # noqa: E501


async def test_login_does_not_outlive_the_clear(submission: Submission) -> None:
    """RFC 3207 §4.2: what was shown before TLS counts for nothing inside it."""
    client = await submission.client()
    await client.follow(HELLO)
    await client.follow(f"""
        C: AUTH PLAIN {b64(chr(0) + "agent@daimon.email" + chr(0) + submission.post.key)}
        S: 235 2.7.0 *
        C: STARTTLS
        S: 220 *
        TLS
        C: EHLO client.example
        S: 250-smtp.daimon.email | *
        C: MAIL FROM:<agent@daimon.email>
        S: 530 5.7.0 *
    """)


async def test_tls_from_the_first_octet(serve: Serve) -> None:
    """As on port 465 (RFC 8314 §3.3)."""
    submission = await serve(implicit_tls=True)

    def act() -> str:
        with smtplib.SMTP_SSL("127.0.0.1", submission.port, timeout=30, context=submission.context) as client:
            client.login("agent@daimon.email", submission.post.key)
            assert not client.has_extn("starttls")
            return posted(client)

    assert (await asyncio.to_thread(act)).startswith("msg_")


async def test_wrong_keys(submission: Submission) -> None:
    """One reply for a key that is none and for one that does not reach the user; three in a session end it."""
    other = await submission.post.edge.open_account(username="other")
    wrong = await refused(submission, "agent@daimon.email", submission.post.key[:-1] + "~")
    assert wrong[0] == 535
    assert wrong[1].startswith("5.7.8 ")
    assert await refused(submission, "agent@daimon.email", other.account_api_key) == wrong
    assert await refused(submission, "other@daimon.email", submission.post.key) == wrong
    assert await refused(submission, "nobody at all", submission.post.key) == wrong
    guess = b64(chr(0) + "agent@daimon.email" + chr(0) + "dm_free_x")
    client = await submission.client()
    await client.follow(HELLO)
    await client.follow(f"""
        C: AUTH PLAIN {guess}
        S: 535 5.7.8 *
        C: AUTH PLAIN {guess}
        S: 535 5.7.8 *
        C: AUTH PLAIN {guess}
        S: 535 5.7.8 *
        S: 421 4.7.0 *
        EOF
    """)


async def test_a_network_that_guesses(submission: Submission) -> None:
    """It is refused before its keys are looked at, as by the API; a key that was good before still is."""
    await submission.submit()
    guess = b64(chr(0) + "agent@daimon.email" + chr(0) + "dm_free_x")
    for _ in range(5):
        client = await submission.client()
        await client.follow(HELLO)
        await client.follow(f"C: AUTH PLAIN {guess}\nS: 535 5.7.8 *\nC: QUIT\nS: 221 *\nEOF")
    client = await submission.client()
    await client.follow(HELLO)
    await client.follow(f"C: AUTH PLAIN {guess}\nS: 421 4.7.0 *try again in * s\nEOF")
    assert await submission.submit()


async def test_what_a_key_may(submission: Submission) -> None:
    """Permission, networks and reach are those of the API."""
    made = {"name": "reads", "permissions": ["messages:read"]}
    assert (await refused(submission, "agent@daimon.email", await _key(submission, **made)))[1] == (
        "5.7.8 This key lacks the permission messages:send."
    )
    elsewhere = await _key(submission, name="elsewhere", allowed_networks=["192.0.2.0/24"])
    assert (await refused(submission, "agent@daimon.email", elsewhere))[0] == 535
    here = await _key(submission, name="here", allowed_networks=["127.0.0.0/8"], permissions=["messages:send"])
    assert await submission.submit(key=here)


async def test_a_key_that_is_revoked_in_a_session(submission: Submission) -> None:
    """The next MAIL is refused once the key is known to be gone, which takes less than a second."""
    key = await _key(submission, name="short-lived")

    def first(client: smtplib.SMTP) -> None:
        client.login("agent@daimon.email", key)
        posted(client)

    def again(client: smtplib.SMTP) -> None:
        with pytest.raises(smtplib.SMTPResponseException, match=r"5\.7\.8") as refusal:
            posted(client)
        assert refusal.value.smtp_code == 535

    client = await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", submission.port, "client.example", timeout=30)
    await asyncio.to_thread(first, client)
    await submission.post.execute("update keys set status = 'revoked' where name = 'short-lived'")
    submission.desk.keys.forget()
    await asyncio.to_thread(again, client)
    await asyncio.to_thread(client.quit)


async def _key(submission: Submission, **body: object) -> str:
    made = await submission.post.edge.http.post(
        "/v1/keys", json={"scope": "account", **body}, headers=bearer(submission.post.key)
    )
    assert made.status_code == 201, made.text
    secret: str = made.json()["result"]["api_key"]
    return secret
