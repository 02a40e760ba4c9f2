"""Sending with the client, against a whole server: to inboxes of the server itself, and to its simulator."""

import time

import pytest

from daimon_email import File, SendRequiresPaid, ValidationFailed
from e2e.serving import daimon

from .conftest import Account

SIMULATOR = "simulator.daimon.email"


def paying(account: Account) -> Account:
    """Let the account's tier be one that sends. No key of it was used yet."""
    done = daimon(
        "admin", "account", "set-tier", account.first.account_id, "developer", f"--data-dir={account.served.data_dir}"
    )
    assert done.returncode == 0, done.stderr
    return account


def test_the_free_tier_is_told_to_pay(account: Account) -> None:
    """With what to tell the operator."""
    with pytest.raises(SendRequiresPaid) as refused:
        account.client.messages.send(account.first.id, to="ada@example.com", subject="Hi")
    assert refused.value.upgrade_context


def test_a_mail_is_sent_answered_and_handed_on(account: Account) -> None:
    """Between two inboxes, with a file; every call of sending once."""
    paying(account)
    messages = account.client.messages
    other = account.client.inboxes.create()
    sent = messages.send(
        account.first.id,
        to=f"Other <{other.email}>",
        subject="Files",
        body="Here they are.",
        attachments=[File("a.txt", b"abc", "text/plain")],
        labels=["sent"],
        client_id="files",
    )
    assert (sent.status, sent.recipients[0].address) == ("queued", other.email)
    again = messages.send(
        account.first.id,
        to=f"Other <{other.email}>",
        subject="Files",
        body="Here they are.",
        attachments=[File("a.txt", b"abc", "text/plain")],
        labels=["sent"],
        client_id="files",
    )
    assert again.id == sent.id
    came = messages.wait(other.id, timeout=20)
    assert (came.subject, came.attachments[0].filename) == ("Files", "a.txt")
    assert messages.deliveries(account.first.id, sent.id).deliveries[0].recipient == other.email
    answer = messages.reply(other.id, came.id, body="Thank you.")
    assert answer.thread_id == came.thread_id
    to_all = messages.reply_all(other.id, came.id, body="Thank you all.")
    assert [each.address for each in to_all.recipients] == [account.first.email]
    handed_on = messages.forward(other.id, came.id, to=f"delivered@{SIMULATOR}", body="For you.")
    assert messages.get(other.id, handed_on.id).attachments[0].filename == "a.txt"


def test_a_dry_run_and_a_bad_address(account: Account) -> None:
    """Nothing is sent by either."""
    paying(account)
    tried = account.client.messages.send(account.first.id, to=f"bounce@{SIMULATOR}", subject="Hi", dry_run=True)
    assert (tried.dry_run, tried.id, tried.sends_left_today) == (True, None, 1000)
    with pytest.raises(ValidationFailed):
        account.client.messages.send(account.first.id, to="nobody", subject="Hi")
    assert not list(account.client.messages.list(account.first.id).result)


def test_a_history_tells_of_a_bounce(account: Account) -> None:
    """Until it is there: a bounce is not part of the answer to a send."""
    paying(account)
    sent = account.client.messages.send(account.first.id, to=f"bounce@{SIMULATOR}", subject="Hi")
    until = time.monotonic() + 20
    while True:
        [history] = account.client.messages.deliveries(account.first.id, sent.id).deliveries
        if history.status != "queued" or time.monotonic() > until:
            break
        time.sleep(0.05)
    assert (history.status, history.attempts[0].enhanced_status) == ("bounced", "5.1.1")
