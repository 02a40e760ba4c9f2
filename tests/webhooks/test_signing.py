"""Signatures: the published libraries of Standard Webhooks take ours, and nothing that was touched."""

import hashlib
import hmac
import json
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from daimon.kit.clock import utc_now
from daimon.webhooks import secret, signing
from daimon.webhooks.secret import Vault

BODY = '{"event":"message.received","data":{"subject":"Grüße — 你好"}}'


def signed(*secrets: str, body: str = BODY, at: datetime | None = None) -> dict[str, str]:
    return signing.headers(
        event_id="evt_1",
        event="message.received",
        sequence=7,
        at=at or utc_now(),
        body=body.encode(),
        secrets=secrets,
    )


def test_the_python_library_takes_it() -> None:
    """As it was sent, and under each of two secrets after a rotation."""
    old, new = secret.make(), secret.make()
    assert Webhook(new).verify(BODY, signed(new)) == json.loads(BODY)
    both = signed(new, old)
    for each in (old, new):
        assert Webhook(each).verify(BODY, both) == json.loads(BODY)


@pytest.mark.parametrize("spoil", ["body", "id", "time", "secret", "old"])
def test_what_was_touched_is_refused(spoil: str) -> None:
    """Another body, id or time, another's secret, a request of an hour ago."""
    mine = secret.make()
    headers = signed(mine, at=utc_now() - timedelta(hours=1) if spoil == "old" else None)
    body = BODY
    match spoil:
        case "body":
            body += " "
        case "id":
            headers["webhook-id"] = "evt_2"
        case "time":
            headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
        case "secret":
            mine = secret.make()
    with pytest.raises(WebhookVerificationError):
        Webhook(mine).verify(body, headers)


def test_the_short_signature_is_the_bodys_alone() -> None:
    """A hex HMAC whose key is the secret's text."""
    mine, other = secret.make(), secret.make()
    expected = [f"sha256={hmac.new(s.encode(), BODY.encode(), hashlib.sha256).hexdigest()}" for s in (mine, other)]
    assert signed(mine)["x-daimon-signature"] == expected[0]
    assert signed(mine, other)["x-daimon-signature"] == ",".join(expected)


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published JavaScript library, as npm installs it."""
    directory = tmp_path_factory.mktemp("js") / "js"
    shutil.copytree(Path(__file__).parent / "js", directory, ignore=shutil.ignore_patterns("node_modules"))
    assert shutil.which("npm"), "this test needs Node.js and npm (Debian: apt-get install nodejs npm)"
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=directory, check=True, timeout=110)
    return directory / "verify.mjs"


def test_the_javascript_library_takes_it(verifier: Path) -> None:
    """Under each of two secrets; not under a third, and not with another body."""
    old, new = secret.make(), secret.make()
    headers = signed(new, old)
    assert _verified(verifier, old, headers, BODY) == json.loads(BODY)
    assert _verified(verifier, new, headers, BODY) == json.loads(BODY)
    assert _verified(verifier, secret.make(), headers, BODY) == "refused"
    assert _verified(verifier, new, headers, BODY + " ") == "refused"


def _verified(verifier: Path, key: str, headers: dict[str, str], body: str) -> Any:
    asked = json.dumps({"secret": key, "headers": headers, "body": body})
    done = subprocess.run(["node", verifier], input=asked, capture_output=True, text=True, check=True, timeout=30)
    return json.loads(done.stdout)


def test_secrets_are_what_they_seem() -> None:
    """32 bytes behind the prefix; each another; told from other texts."""
    made = {secret.make() for _ in range(50)}
    assert len(made) == 50
    assert all(secret.is_one(each) and len(secret.key_of(each)) == 32 for each in made)
    for text in ("", "whsec_", "whsec_short", "whsec_" + "!" * 44, "sk_" + "A" * 44, "whsec_" + "A" * 400):
        assert not secret.is_one(text)


def test_a_vault_opens_what_it_sealed() -> None:
    """And nothing else."""
    vault, mine = Vault(b"a" * 32), secret.make()
    box = vault.seal(mine)
    assert mine.encode() not in box
    assert vault.open(box) == mine
    with pytest.raises(InvalidTag):
        Vault(b"b" * 32).open(box)
