"""How many may follow an account at one time, by whatever means."""

from dataclasses import replace

import pytest
from websockets.exceptions import InvalidStatus

from daimon.feed.crowd import Crowd

from .conftest import Services, bearer, serving
from .test_event_stream import following
from .test_sockets import ask, socket


async def test_an_account_has_so_many_streams(services: Services) -> None:
    """The next one of any kind is refused; other accounts are not, and who leaves makes room."""
    async with serving(replace(services, crowd=Crowd(most=2))) as edge:
        account, other = await edge.open_account(), await edge.open_account()
        key, wait = account.account_api_key, f"/v1/inboxes/{account.id}/messages/wait?timeout=0"
        async with following(edge, key) as stream, socket(edge, key) as opened:
            await anext(stream)
            assert (await ask(opened, action="ping"))["type"] == "pong"
            for path in ("/v1/events/stream", wait):
                refused = await edge.http.get(path, headers=bearer(key))
                assert refused.status_code == 429
                body = refused.json()
                assert (body["error"], body["code"]) == ("RATE_LIMIT_EXCEEDED", "CONCURRENCY_LIMIT")
                assert body["current_usage"] == {"open_streams": 2, "max_open_streams": 2}
                assert refused.headers["retry-after"] == "5"
            with pytest.raises(InvalidStatus) as told:
                async with socket(edge, key):
                    pass
            assert told.value.response.status_code == 429
            answer = await edge.http.get("/v1/events/stream?timeout=0", headers=bearer(other.account_api_key))
            assert answer.status_code == 200
        while (await edge.http.get(wait, headers=bearer(key))).status_code == 429:
            pass
