"""The door itself, on real sockets: endpoints that misbehave, and those who would lead us elsewhere."""

import asyncio
import gzip

import pytest

from daimon.kit.safe_http import Failed, Failure, SafeHttp, UnsafeUrl

from .endpoints import Certificates, DnsServer, Endpoint, Exchange

BODY = b'{"event":"message.received"}'
HEADERS = {"Content-Type": "application/json", "webhook-id": "evt_1"}


async def _failure(http: SafeHttp, url: str) -> Failed:
    with pytest.raises(Failed) as failed:
        await http.post(url, BODY, HEADERS)
    return failed.value


async def test_a_post_arrives_as_it_was_meant() -> None:
    """Path, headers and octets; the answer comes with status, headers, body and who gave it."""
    async with Endpoint() as endpoint, SafeHttp(allow_insecure=True, user_agent="daimon-test") as http:
        reply = await http.post(endpoint.url("/hook?a=%20b"), BODY, HEADERS)
    [seen] = endpoint.seen
    assert seen.line == "POST /hook?a=%20b HTTP/1.1"
    assert seen.body == BODY
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"] == "daimon-test"
    assert seen.headers["accept-encoding"] == "identity"
    assert (reply.status, reply.body, reply.truncated, reply.remote_ip) == (200, b"ok", False, "127.0.0.1")
    assert reply.headers["content-length"] == "2"


async def test_a_connection_is_used_again() -> None:
    """Ten posts in a row need one; the last knows who answered too."""
    async with Endpoint() as endpoint, SafeHttp(allow_insecure=True) as http:
        replies = [await http.post(endpoint.url(), BODY, HEADERS) for _ in range(10)]
    assert endpoint.connections == 1
    assert {reply.remote_ip for reply in replies} == {"127.0.0.1"}


async def test_a_kept_connection_that_was_hung_up_is_no_failure() -> None:
    """The second request goes once more over a new connection."""

    async def once_each(exchange: Exchange) -> None:
        if len(endpoint.seen) == 2:
            exchange.reset()
        else:
            await exchange.answer()

    async with Endpoint(once_each) as endpoint, SafeHttp(allow_insecure=True) as http:
        statuses = [(await http.post(endpoint.url(), BODY, HEADERS)).status for _ in range(2)]
    assert statuses == [200, 200]
    assert [seen.connection for seen in endpoint.seen] == [1, 1, 2]


async def test_a_new_connection_that_is_reset_is_a_failure() -> None:
    """It is not tried again: whether to is the caller's to say."""

    async def reset(exchange: Exchange) -> None:
        exchange.reset()

    async with Endpoint(reset) as endpoint, SafeHttp(allow_insecure=True) as http:
        failed = await _failure(http, endpoint.url())
    assert failed.kind is Failure.RESET
    assert failed.remote_ip == "127.0.0.1"
    assert len(endpoint.seen) == 1


async def test_hanging_ends() -> None:
    """An endpoint that never answers costs its time, no more."""

    async def hang(_: Exchange) -> None:
        await asyncio.Event().wait()

    async with Endpoint(hang) as endpoint, SafeHttp(allow_insecure=True, timeout=0.2) as http:
        failed = await _failure(http, endpoint.url())
    assert failed.kind is Failure.TIMEOUT
    assert failed.status is None


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], ids=["head", "body"])
async def test_a_trickle_ends(head: bytes) -> None:
    """Octet by octet, in the head or the body: the time is for the whole."""

    async def trickle(exchange: Exchange) -> None:
        await exchange.say(head)
        for octet in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 10_000:
            await exchange.say(bytes([octet]))
            await asyncio.sleep(0.01)

    async with Endpoint(trickle) as endpoint, SafeHttp(allow_insecure=True, timeout=0.3) as http:
        failed = await _failure(http, endpoint.url())
    assert failed.kind is Failure.TIMEOUT
    assert failed.status == (200 if head else None)


async def test_a_huge_body_is_cut() -> None:
    """64 KiB are read, the answer says that there was more, and the connection is not kept."""

    async def pour(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            await exchange.say(b"x" * 65_536)

    async with Endpoint(pour) as endpoint, SafeHttp(allow_insecure=True) as http:
        reply = await http.post(endpoint.url(), BODY, HEADERS)
        await http.post(endpoint.url(), BODY, HEADERS)
    assert (reply.status, len(reply.body), reply.truncated) == (200, 65_536, True)
    assert endpoint.connections == 2


@pytest.mark.parametrize(("size", "cut"), [(65_536, False), (65_537, True)])
async def test_the_bound_is_exact(size: int, cut: bool) -> None:
    """What just fits is not cut."""

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"x" * size)

    async with Endpoint(answer) as endpoint, SafeHttp(allow_insecure=True) as http:
        reply = await http.post(endpoint.url(), BODY, HEADERS)
    assert (len(reply.body), reply.truncated) == (65_536, cut)


async def test_an_answer_that_breaks_off_is_a_failure() -> None:
    """Its status is told all the same."""

    async def half(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        exchange.writer.close()

    async with Endpoint(half) as endpoint, SafeHttp(allow_insecure=True) as http:
        failed = await _failure(http, endpoint.url())
    assert (failed.kind, failed.status) == (Failure.RESET, 200)


async def test_a_bomb_stays_packed() -> None:
    """A compressed body is kept as it was sent."""
    bomb = gzip.compress(b"\0" * 20_000_000)

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(bomb, headers=["Content-Encoding: gzip"])

    async with Endpoint(answer) as endpoint, SafeHttp(allow_insecure=True) as http:
        reply = await http.post(endpoint.url(), BODY, HEADERS)
    assert reply.body == bomb


async def test_no_redirect_is_followed() -> None:
    """It is an answer like another."""
    async with Endpoint() as target:

        async def redirect(exchange: Exchange) -> None:
            await exchange.answer(status="307 Temporary Redirect", headers=[f"Location: {target.url()}"])

        async with Endpoint(redirect) as endpoint, SafeHttp(allow_insecure=True) as http:
            reply = await http.post(endpoint.url(), BODY, HEADERS)
    assert (reply.status, reply.headers["location"]) == (307, target.url())
    assert target.connections == 0


@pytest.mark.parametrize(
    "line", [b"X-Many: a\r\n", b"X-Long: " + b"a" * 65_536, b"a" * 65_536], ids=["many", "long", "nameless"]
)
async def test_a_flood_of_headers_ends(line: bytes) -> None:
    """It is not HTTP as we take it."""

    async def flood(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await exchange.say(line)

    async with Endpoint(flood) as endpoint, SafeHttp(allow_insecure=True) as http:
        failed = await _failure(http, endpoint.url())
    assert failed.kind is Failure.PROTOCOL


async def test_what_is_not_http_is_told() -> None:
    """Another protocol's greeting is no answer."""

    async def greet(exchange: Exchange) -> None:
        await exchange.say(b"220 mail.example.com ESMTP\r\n")
        exchange.writer.close()

    async with Endpoint(greet) as endpoint, SafeHttp(allow_insecure=True) as http:
        failed = await _failure(http, endpoint.url())
    assert failed.kind is Failure.PROTOCOL
    assert "ESMTP" not in failed.reason


async def test_nobody_there() -> None:
    """A closed port is told as such."""
    async with Endpoint() as endpoint:
        url = endpoint.url()
    async with SafeHttp(allow_insecure=True) as http:
        failed = await _failure(http, url)
    assert failed.kind is Failure.CONNECT
    assert failed.remote_ip == "127.0.0.1"


async def test_cookies_are_not_kept() -> None:
    """What one answer sets, the next request does not carry."""

    async def set_cookie(exchange: Exchange) -> None:
        await exchange.answer(headers=["Set-Cookie: session=1; Path=/"])

    async with Endpoint(set_cookie) as endpoint, SafeHttp(allow_insecure=True) as http:
        for _ in range(2):
            await http.post(endpoint.url(), BODY, HEADERS)
    assert len(endpoint.seen) == 2
    assert not any("cookie" in seen.headers for seen in endpoint.seen)


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """`HTTP_PROXY` and its kin are not for user's URLs."""
    async with Endpoint() as proxy, Endpoint() as endpoint:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url("/"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with SafeHttp(allow_insecure=True) as http:
            await http.post(endpoint.url(), BODY, HEADERS)
    assert (proxy.connections, endpoint.connections) == (0, 1)


async def test_requests_wait_for_their_turn() -> None:
    """No more than `max_open` run at once, and waiting does not count as their time."""

    async def slowly(exchange: Exchange) -> None:
        await asyncio.sleep(0.1)
        await exchange.answer()

    async with Endpoint(slowly) as endpoint, SafeHttp(allow_insecure=True, max_open=2, timeout=0.5) as http:
        replies = await asyncio.gather(*(http.post(endpoint.url(), BODY, HEADERS) for _ in range(14)))
    assert {reply.status for reply in replies} == {200}
    assert endpoint.most_at_once == 2


async def test_loopback_is_refused_without_the_setting() -> None:
    """By its URL already."""
    async with Endpoint() as endpoint, SafeHttp() as http:
        failed = await _failure(http, endpoint.url())
        with pytest.raises(UnsafeUrl):
            await http.check(endpoint.url())
    assert failed.kind is Failure.REFUSED
    assert endpoint.connections == 0


async def test_a_good_certificate_is_believed(certificates: Certificates) -> None:
    """HTTPS to a name that is found by DNS, all of it checked."""
    async with (
        DnsServer() as dns,
        Endpoint(tls=certificates.serving("hooks.example.com")) as endpoint,
        SafeHttp(allow_insecure=True, resolver=dns.address, tls=certificates.trusting()) as http,
    ):
        dns.script("hooks.example.com", ["127.0.0.1"])
        reply = await http.post(endpoint.url(host="hooks.example.com"), BODY, HEADERS)
    assert (reply.status, reply.remote_ip) == (200, "127.0.0.1")
    assert endpoint.seen[0].headers["host"] == f"hooks.example.com:{endpoint.port}"


@pytest.mark.parametrize("fault", ["another name", "over", "unknown authority"])
async def test_a_bad_certificate_is_not_believed(certificates: Certificates, fault: str) -> None:
    """Another's, an old one, one signed by nobody we know: nothing is sent."""
    serving = {
        "another name": certificates.serving("other.example.com"),
        "over": certificates.serving("127.0.0.1", days=(-30, -1)),
        "unknown authority": certificates.serving("127.0.0.1"),
    }[fault]
    tls = None if fault == "unknown authority" else certificates.trusting()
    async with Endpoint(tls=serving) as endpoint, SafeHttp(allow_insecure=True, tls=tls) as http:
        failed = await _failure(http, endpoint.url())
    assert failed.kind is Failure.TLS
    assert endpoint.seen == []


async def test_plain_http_on_a_tls_port_is_a_failure(certificates: Certificates) -> None:
    """A server without TLS behind https is told as such."""
    async with Endpoint() as endpoint, SafeHttp(allow_insecure=True, tls=certificates.trusting()) as http:
        failed = await _failure(http, endpoint.url().replace("http://", "https://"))
    assert failed.kind in {Failure.TLS, Failure.RESET, Failure.TIMEOUT}
    assert endpoint.seen == []
