"""Sending with the client, against a whole server: to inboxes of the server itself, and to its simulator."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from daimon_email import File, SendRequiresPaid, StateConflict, ValidationFailed
from daimon_email.models import RecipientHistory
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


def tried(account: Account, message_id: str) -> RecipientHistory:
    """Return what became of a message's only recipient, once there was an attempt."""
    until = time.monotonic() + 20
    while True:
        [history] = account.client.messages.deliveries(account.first.id, message_id).deliveries
        if history.status != "queued" or time.monotonic() > until:
            return history
        time.sleep(0.05)


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
    history = tried(account, sent.id)
    assert (history.status, history.attempts[0].enhanced_status) == ("bounced", "5.1.1")
    with pytest.raises(StateConflict) as refused:
        account.client.messages.cancel(account.first.id, sent.id)
    assert refused.value.reason == "MESSAGE_DECIDED"


def test_a_mail_that_was_put_off_is_taken_back(account: Account) -> None:
    """It waits for its next attempt, which never comes."""
    paying(account)
    sent = account.client.messages.send(account.first.id, to=f"soft-bounce@{SIMULATOR}", subject="Hi")
    assert tried(account, sent.id).status == "deferred"
    back = account.client.messages.cancel(account.first.id, sent.id)
    assert (back.id, back.status, back.recipients[0].status) == (sent.id, "cancelled", "cancelled")
    assert account.client.messages.get(account.first.id, sent.id).status == "cancelled"


def test_a_draft_is_written_scheduled_taken_back_and_sent(account: Account) -> None:
    """Every call of drafts once, and a send that is scheduled."""
    paying(account)
    drafts, inbox = account.client.drafts, account.first.id
    made = drafts.create(inbox, subject="One", attachments=[File("a.txt", b"abc")])
    assert (made.status, made.attachments[0].size) == ("draft", 3)
    later = datetime.now(UTC) + timedelta(days=1)
    changed = drafts.update(inbox, made.id, to=f"delivered@{SIMULATOR}", body="Hello", send_at=later)
    assert (changed.status, changed.subject, changed.body) == ("scheduled", "One", "Hello")
    back = drafts.update(inbox, made.id, send_at=None)
    assert (back.status, back.send_at) == ("draft", None)
    assert [each.id for each in drafts.list(inbox, status="draft").result] == [made.id]
    sent = drafts.send(inbox, made.id)
    assert drafts.get(inbox, made.id).sent_message_id == sent.id
    scheduled = account.client.messages.send(inbox, to=f"delivered@{SIMULATOR}", subject="Two", send_at=later)
    assert (scheduled.status, scheduled.id) == ("scheduled", None)
    assert drafts.delete(inbox, scheduled.draft_id).deleted
