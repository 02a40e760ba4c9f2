"""What of a request's body the MCP library may see."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.kit.asgi import Message
from daimon.mcp import body
from daimon.mcp.body import ClientGone, Unusable, check, receive_message

CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_inbox","arguments":%s}}'


def told(error: Unusable) -> tuple[int, int, str]:
    """Return status, code and text of a refusal."""
    answer = json.loads(error.answer)
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", None)
    return error.status, answer["error"]["code"], answer["error"]["message"]


@pytest.mark.parametrize(
    ("octets", "code", "why"),
    [
        (CALL % (b"[" * 200_000 + b"]" * 200_000), -32600, "nested deeper than 64 levels"),
        (CALL % (b'{"a":' * 100_000), -32600, "nested deeper"),
        (CALL % (b"[" * 63 + b"]" * 63), -32600, "nested deeper"),
        (b"[" + b",".join([CALL % b"{}"] * 10_000) + b"]", -32600, "Batches"),
        (CALL % (b'{"a":' + b"9" * 100_000 + b"}"), -32600, "out of range"),
        (CALL % b'{"a":1e999999}', -32600, "out of range"),
        (CALL % b'{"a":NaN}', -32700, "no JSON"),
        (CALL % b'{"a":"\\ud800"}', -32700, "no JSON"),
        (CALL % b'{"a":"\x00"}', -32700, "no JSON"),
        (CALL % b'{"a":"\xff"}', -32700, "no JSON"),
        ((CALL % b"{}").decode().encode("utf-16"), -32700, "no JSON"),
        (b"", -32700, "no JSON"),
        (b"{", -32700, "no JSON"),
        (b"null", -32600, "JSON-RPC 2.0"),
        (b"{}", -32600, "JSON-RPC 2.0"),
        (b'{"jsonrpc":"1.0","method":"ping"}', -32600, "JSON-RPC 2.0"),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, "JSON-RPC 2.0"),
        (b'{"jsonrpc":"2.0","id":1,"method":["ping"]}', -32600, "JSON-RPC 2.0"),
    ],
)
def test_what_is_no_message_is_refused(octets: bytes, code: int, why: str) -> None:
    """By the codes of JSON-RPC, with a word on what is wrong."""
    with pytest.raises(Unusable) as caught:
        check(octets)
    status, told_code, text = told(caught.value)
    assert (status, told_code) == (400, code)
    assert why in text
    assert len(text) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=5)
    ),
)


@given(JSON)
def test_what_is_one_is_let_through(arguments: object) -> None:
    """Whatever it carries, as far as it is not nested too deep."""
    check(CALL % json.dumps(arguments).encode())


def chunks(*parts: bytes | None) -> body.Receive:
    """Return what a client sends, piece by piece; None is that it goes away, and then nothing comes any more."""
    left: list[Message] = [
        {"type": "http.disconnect"} if each is None else {"type": "http.request", "body": each, "more_body": True}
        for each in parts
    ]

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


async def refusal(
    *parts: bytes, declared: bytes | None = None, most: int = 1000, seconds: float = 60
) -> tuple[int, int, str]:
    """Return how what comes is refused."""
    with pytest.raises(Unusable) as caught:
        await receive_message(chunks(*parts), declared, most, seconds=seconds)
    return told(caught.value)


async def test_a_body_is_bounded_while_it_comes() -> None:
    """By what it declares, by what came, by how many values that holds, and by how long it takes."""
    assert (await refusal(declared=b"1001"))[0] == 413
    assert (await refusal(b"a" * 600, b"a" * 600))[0] == 413
    wide = await refusal(b"[[[,{" * 100_000, most=10**6)
    assert wide == (413, -32600, "The message holds more than 250,000 values.")
    assert (await refusal(CALL, seconds=0.01))[0] == 408
    with pytest.raises(ClientGone):
        await receive_message(chunks(CALL, None), None, 1000)
