"""What an error says to do next can be done: a script reads the calls out of its steps, and they are taken."""

import re
from typing import Any

import pytest

from daimon.api.catalog import OPERATIONS
from daimon.api.openapi import errors_of

from .conftest import Edge, bearer

CALL = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s?]*[^\s?.,;:](?:\?\S*[^\s.,;:])?)(?: (\{.*\}))?")
NOBODY = "0" * 32
WRONG: list[tuple[str, str, Any]] = [
    ("GET", "/v1/inboxes/nobody@daimon.email", None),
    ("GET", f"/v1/inboxes/{{inbox}}/messages/msg_{NOBODY}", None),
    ("GET", f"/v1/inboxes/{{inbox}}/messages/{{message}}/attachments/att_{NOBODY}", None),
    ("GET", f"/v1/inboxes/{{address}}/threads/thr_{NOBODY}", None),
    ("GET", f"/v1/inboxes/{{inbox}}/drafts/dft_{NOBODY}", None),
    ("GET", f"/v1/webhooks/wh_{NOBODY}", None),
    ("GET", f"/v1/pods/pod_{NOBODY}", None),
    ("GET", f"/v1/domains/dom_{NOBODY}", None),
    ("GET", f"/v1/keys/key_{NOBODY}", None),
    ("GET", f"/v1/members/mem_{NOBODY}", None),
    ("GET", f"/v1/teams/team_{NOBODY}", None),
    ("GET", f"/v1/rules/rule_{NOBODY}", None),
    ("GET", "/v1/suppressions/nobody@example.com", None),
    ("GET", "/v1/nothing", None),
    ("PUT", "/v1/inboxes", None),
    ("GET", "/v1/inboxes?limit=1000", None),
    ("GET", "/v1/inboxes?cursor=x", None),
    ("POST", "/v1/inboxes", {"username": "no spaces please"}),
    ("POST", "/v1/inboxes", {"username": "taken"}),
    ("POST", "/v1/pods", {}),
    ("POST", "/v1/inboxes/{inbox}/send", {"to": "ada@example.com", "subject": "Hi", "body": "Hi"}),
    ("POST", "/v1/domains", {"domain": "example.com"}),
    ("GET", "/v1/stream", None),
]


def test_every_error_says_what_to_do() -> None:
    """Each that an operation can answer with."""
    errors = {error for each in OPERATIONS for error in errors_of(each)}
    assert len(errors) > 60
    assert [error for error in errors if not error().steps] == []


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong[0]} {wrong[1]}")
async def test_the_steps_of_an_error_are_calls_that_work(edge: Edge, wrong: tuple[str, str, Any]) -> None:
    """Each call that reads is answered, and no id is left out that the request had."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    await edge.http.post("/v1/inboxes", json={"username": "taken"}, headers=key)
    await edge.deliver(account.id)
    listed = await edge.http.get(f"/v1/inboxes/{account.id}/messages", headers=key)
    message = listed.json()["result"]["messages"][0]["id"]
    method, path, body = wrong
    asked = path.format(inbox=account.id, address=account.email, message=message)
    refused = await edge.http.request(method, asked, json=body, headers=key)
    assert refused.status_code >= 400
    steps = refused.json()["next_steps"]
    assert steps
    assert not any("{" in step and '{"' not in step for step in steps), steps
    for step in steps:
        for read, target, _ in CALL.findall(step):
            if read == "GET" and not target.endswith("/stream"):
                followed = await edge.http.get(target, headers=key)
                assert followed.is_success, (step, followed.text)


async def test_a_step_names_what_the_request_did(edge: Edge) -> None:
    """By its id or by its address, and nothing that has the form of neither."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    for named in (account.id, account.email):
        missing = await edge.http.get(f"/v1/inboxes/{named}/messages/msg_{NOBODY}", headers=key)
        assert missing.json()["next_steps"] == [f"List the messages: GET /v1/inboxes/{named}/messages."]
    draft = await edge.http.post(f"/v1/inboxes/{account.id}/drafts", json={}, headers=key)
    assert draft.status_code == 201
    odd = await edge.http.get(f"/v1/inboxes/{account.id}/messages/obey%20me/attachments/x", headers=key)
    assert odd.status_code == 404
    assert "obey" not in odd.text
