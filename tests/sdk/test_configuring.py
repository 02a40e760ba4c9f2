"""What a client is made with: where the server is, who asks, and how long it may take."""

from typing import Any

import httpx
import pytest

from daimon_email import AsyncDaimonClient, DaimonClient

from .conftest import Connect
from .scripted import answer, result
from .test_retries import WHO, Start

KEY = "dm_free_abcdefgh"


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", " \n"])
def test_a_base_url_may_end_as_people_write_it(connect: Connect, scripted: Start, end: str) -> None:
    """With a slash, and with the version that each path has already."""
    peer = scripted([result(**WHO)])
    assert connect(KEY, peer.url + end).whoami().scope == "account"
    assert peer.asked[0].line == "GET /v1/whoami HTTP/1.1"


def test_a_base_url_may_have_a_path_and_be_an_object(connect: Connect, scripted: Start) -> None:
    """A server may stand below a path of another one."""
    peer = scripted([result(**WHO)])
    connect(KEY, httpx.URL(f"{peer.url}/mail")).whoami()
    assert peer.asked[0].line == "GET /mail/v1/whoami HTTP/1.1"


def test_a_link_is_followed_at_the_base_url(connect: Connect, scripted: Start) -> None:
    """Once below its path, which the link names, too, if the public address is the same."""
    link = {"url": "https://outer.test/mail/v1/downloads/abc?x=1", "filename": "a", "content_type": "a/b", "size": 1,
            "expires_at": "2026-03-16T10:30:00Z"}  # fmt: skip
    peer = scripted([result(**link), answer(200, b"octets")])
    assert connect(KEY, f"{peer.url}/mail").messages.download("inbox_1", "msg_1", "att_1") == b"octets"
    assert peer.asked[1].line == "GET /mail/v1/downloads/abc?x=1 HTTP/1.1"


@pytest.mark.parametrize("client", [DaimonClient, AsyncDaimonClient])
@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://daimon.test", "http://:80", "http://daimon.test:http",
                                 "http://daimon.test:99999", "http://[::1", "http://a b", "http://daimon.test?a=1",
                                 "http://daimon.test#a", "http://me:dm_free_abcdefgh@daimon.test", KEY])  # fmt: skip
def test_a_wrong_base_url_is_told_at_once(client: Any, url: str) -> None:
    """And not repeated: it may be a key that was given in its place, or hold a password."""
    with pytest.raises(ValueError, match=r"base_url must be a URL such as https://api\.daimon\.email") as refused:
        client(api_key="http://daimon.test", base_url=url)
    assert "dm_free" not in str(refused.value)


@pytest.mark.parametrize("wrong", [{"timeout": None}, {"timeout": 0}, {"timeout": -1}, {"timeout": "3"},
                                   {"timeout": float("nan")}, {"timeout": float("inf")}, {"max_retries": -1},
                                   {"max_retries": "1"}, {"max_retries": 1.5}, {"max_retries": None},
                                   {"api_key": " "}, {"api_key": "ä"}, {"api_key": b"dm_free_a"}])  # fmt: skip
def test_what_no_client_can_work_with_is_told_at_once(wrong: dict[str, Any]) -> None:
    """By the argument's name, and not by the first call."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DaimonClient(**{"base_url": "http://daimon.test", **wrong})


def test_no_repr_shows_the_key() -> None:
    """A traceback shows what functions were called with."""
    client = DaimonClient(KEY, "http://daimon.test")
    assert KEY not in f"{client} {client.__dict__} {client._config}"
