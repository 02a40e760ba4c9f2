"""The texts for models: short enough, whole, and true."""

import base64
import hmac
import re
from datetime import UTC, datetime

import pytest

from daimon.api.operation import OPERATIONS
from daimon.webhooks.secret import make
from daimon.webhooks.signing import headers

from .conftest import Edge, bearer

KIB = 1024


@pytest.mark.parametrize(("path", "most"), [("/llms.txt", 6), ("/skill.md", 6), ("/llms-full.txt", 60)])
async def test_texts_fit_and_name_what_is_there(edge: Edge, path: str, most: int) -> None:
    """Every call that they name is one, and every link leads somewhere."""
    answer = await edge.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/")
    assert len(answer.content) <= most * KIB
    calls = {f"{each.method} {each.path}" for each in OPERATIONS}
    named = set(re.findall(r"^- `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", answer.text, re.MULTILINE))
    assert named
    assert named <= calls
    for link in re.findall(r"\(http://daimon\.test(/[\w./-]+)\)", answer.text):
        assert (await edge.http.get(link)).status_code == 200, link


async def test_the_full_text_tells_of_all(edge: Edge) -> None:
    """But for pages for people, and what the server says of itself."""
    text = (await edge.http.get("/llms-full.txt")).text
    told = [each for each in OPERATIONS if each.tag != "server" and each.content_type != "text/html"]
    told = [each for each in told if each.name != "hear_stripe"]  # which Stripe calls
    assert [each.name for each in told if f"- `{each.method} {each.path}`: {each.summary}" not in text] == []
    assert text.count("\n## ") > 10


async def test_the_full_text_tells_of_each_shape(edge: Edge) -> None:
    """What an operation returns or takes by a name is there under that name, with the kinds of its fields."""
    text = (await edge.http.get("/llms-full.txt")).text
    shapes = dict(re.findall(r"^- (\w+): (.*)$", text.partition("## shapes")[2].partition("\n## ")[0], re.MULTILINE))
    assert "from_address: str?" in shapes["Message"]
    assert "codes: [Code]" in shapes["Message"]
    assert "messages:send" in shapes["Permission"]
    assert (
        shapes["InboxCreated"] == "…Inbox, inbox_api_key?: str, account_api_key?: str"
    )  # which a replay does not have
    kinds = re.findall(
        r"(?:: |→ |\[|\||…)([A-Z]\w+)(?=[\]?,;.…|}]|$)", "\n".join([text.partition("## shapes")[0], *shapes.values()])
    )
    assert len(set(kinds)) > 60
    assert {each for each in kinds if each not in shapes} <= {"Name", "Bearer"}
    assert "to: str|[str]" in text
    assert (
        "- `GET /v1/inboxes/{inbox_id}/messages/{message_id}`: Show a message whole; `messages:read` → Message." in text
    )


@pytest.mark.parametrize("path", ["/llms.txt", "/llms-full.txt", "/skill.md"])
async def test_what_is_told_in_short_works_as_it_stands(edge: Edge, path: str) -> None:
    """Each request of the sample, in its order, and its answer has what is behind the arrow."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    key, known = bearer(account.account_api_key) | {"Content-Type": "application/json"}, {"inbox_id": account.id}
    sample = (
        (await edge.http.get(path))
        .text.partition("`result` is what stands behind `→`.\n\n```\n")[2]
        .partition("```")[0]
    )
    requests = re.split(r"^(?=[A-Z]+ /)", sample, flags=re.MULTILINE)[1:]
    assert len(requests) == 5
    for told in requests:
        asked, _, shown = told.partition("→")
        method, target, body = re.match(r"([A-Z]+) (\S+) ?(\{.*?\})?", asked).groups()  # type: ignore[union-attr]
        body = body and body.replace("https://example.com/hook", "http://127.0.0.1:4999/hook")  # what has an address
        answer = await edge.http.request(method, target.format(**known), content=body, headers=key)
        if target.endswith(("/reply", "/send")):
            assert answer.json()["error"] == "SEND_REQUIRES_PAID"  # as the sample says of a free account
            continue
        assert answer.is_success, answer.text
        result = answer.json()["result"]
        named = re.findall(r"[{,]\s*(\w+)(?=[,}:])", shown.replace("null, or ", "").partition(";")[0])
        assert {name for name in named if name not in str(result)} <= {"url", "text", "findings", "filename"} | (
            {"event", "event_id", "data", "message"} if "webhooks" in target else set()
        )
        if "wait" in target:
            assert result["codes"][0].keys() == {"code", "kind"}
            known["message_id"] = result["id"]


async def test_a_signature_is_checked_as_the_text_says(edge: Edge) -> None:
    """With what `/llms.txt` tells of it, and nothing else."""
    text = " ".join((await edge.http.get("/llms.txt")).text.split())
    assert "`v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<raw body>`" in text
    secret, body = make(), b'{"event": "message.received"}'
    at = datetime(2026, 3, 16, tzinfo=UTC)
    sent = headers(event_id="evt_1", event="message.received", sequence=1, at=at, body=body, secrets=[secret])
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert f"v1,{expected}" in sent["webhook-signature"].split()


async def test_the_skill_begins_as_skills_do(edge: Edge) -> None:
    """With a name and a description between two lines of dashes."""
    head, _, body = (await edge.http.get("/skill.md")).text.removeprefix("---\n").partition("\n---\n")
    fields = [line.split(":")[0] for line in head.splitlines() if not line.startswith(" ")]
    assert fields == ["name", "description"]
    assert body.lstrip().startswith("# ")
