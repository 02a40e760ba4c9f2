"""Every call of the client against a whole server, blocking and asynchronous."""

import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from daimon_email import (
    ClientIdConflict,
    Forbidden,
    InboxLimitReached,
    InboxNotFound,
    InvalidApiKey,
    MessageNotFound,
    RuleNotFound,
    SuppressionNotFound,
    ThreadNotFound,
    UsernameTaken,
    ValidationFailed,
)

from .conftest import Account, Connect


def test_a_create_without_a_key_returns_both_keys(account: Account) -> None:
    """The first inbox of an account comes with the account's key, and says what to do next."""
    first = account.first
    assert first.account_api_key
    assert first.inbox_api_key
    assert first.email == f"{first.username}@{first.domain}"
    assert first.created_at.tzinfo is not None
    assert any("account_api_key" in step for step in first.next_steps)
    assert first.account_api_key not in repr(first)


def test_a_client_id_finds_the_inbox_made_before(account: Account) -> None:
    """The same create again returns the same inbox without its keys, another body is a conflict."""
    create = account.client.inboxes.create
    made, again = create(client_id="a-1", metadata={"n": 1}), create(client_id="a-1", metadata={"n": 1})
    assert (again.id, again.metadata, again.inbox_api_key) == (made.id, {"n": 1}, None)
    with pytest.raises(ClientIdConflict):
        create(client_id="a-1", metadata={"n": 2})


def test_a_list_goes_on_to_its_next_pages(account: Account) -> None:
    """Iterating fetches page after page; `result` is the first page alone."""
    made = [account.first.id, *(account.client.inboxes.create().id for _ in range(4))]
    page = account.client.inboxes.list(limit=2)
    assert [inbox.id for inbox in page.result] == made[:2]
    assert (page.total, page.limit, page.offset, page.has_more) == (5, 2, 0, True)
    assert [inbox.id for inbox in page] == made
    assert [inbox.id for inbox in account.client.inboxes.list(limit=2, offset=1)] == made[1:]
    assert account.client.inboxes.list(cursor=page.next_cursor, limit=50).next_page() is None


def test_an_inbox_is_changed_and_deleted(account: Account) -> None:
    """None clears a field, what is not given stays; an address does as well as an id."""
    inboxes, email = account.client.inboxes, account.first.email
    assert inboxes.update(email, display_name="Ada", metadata={"a": 1}).display_name == "Ada"
    changed = inboxes.update(email, display_name=None)
    assert (changed.display_name, changed.metadata) == (None, {"a": 1})
    assert inboxes.update(email, status="suspended").status == "suspended"
    assert inboxes.delete(account.first.id).id == account.first.id
    with pytest.raises(InboxNotFound) as refused:
        inboxes.get(account.first.id)
    assert refused.value.code == "INBOX_NOT_FOUND"
    assert refused.value.request_id


def test_a_key_is_rotated(account: Account, connect: Connect) -> None:
    """The new secret works at once."""
    rotated = account.client.inboxes.rotate_key(account.first.id, grace_seconds=60)
    assert rotated.inbox_api_key != account.first.inbox_api_key
    assert rotated.inbox_api_key not in repr(rotated)
    inbox_client = connect(rotated.inbox_api_key, account.client._config.base_url)
    who = inbox_client.whoami()
    assert (who.scope, who.inbox_id, who.name, who.expires_at) == ("inbox", account.first.id, None, None)
    with pytest.raises(Forbidden):
        inbox_client.account.get()


def test_the_account_shows_its_limits(account: Account) -> None:
    """Limits are objects, too."""
    shown = account.client.account.get()
    assert (shown.tier, shown.limits.max_inboxes, shown.limits.current_inboxes) == ("free", 10, 1)


def test_a_limit_says_what_to_tell_the_operator(account: Account) -> None:
    """402 carries `upgrade_context`."""
    for _ in range(9):
        account.client.inboxes.create()
    with pytest.raises(InboxLimitReached) as refused:
        account.client.inboxes.create()
    assert refused.value.status == 402
    assert refused.value.upgrade_context is not None
    assert refused.value.upgrade_context["agent_script"]


def test_a_taken_username_comes_with_free_ones(account: Account, connect: Connect) -> None:
    """The error's suggestions can be used as they are."""
    other = connect(base_url=account.client._config.base_url)
    with pytest.raises(UsernameTaken) as refused:
        other.inboxes.create(username=account.first.username)
    assert len(refused.value.suggestions) == 3
    assert other.inboxes.create(username=refused.value.suggestions[0]).email


def test_wrong_fields_are_named(account: Account) -> None:
    """`details` says which and how."""
    with pytest.raises(ValidationFailed) as refused:
        account.client.inboxes.create(username="no spaces")
    assert [detail.field for detail in refused.value.details] == ["username"]


def test_a_wrong_key_is_refused(account: Account, connect: Connect) -> None:
    """401 has a class of its own for each reason."""
    with pytest.raises(InvalidApiKey):
        connect("dm_free_x", account.client._config.base_url).whoami()


def test_a_mail_is_awaited_read_and_deleted(account: Account) -> None:
    """From SMTP to the client: wait, list, get, raw, update, delete."""
    octets = account.receive("Welcome")
    messages, inbox = account.client.messages, account.first.email
    message = messages.wait(inbox, timeout=30, from_="login@example.com", has_code=True)
    assert (message.subject, [code.code for code in message.codes]) == ("Welcome", ["123456"])
    assert [mailbox.address for mailbox in message.to] == [inbox]
    assert message.headers["subject"] == ["Welcome"]
    assert messages.raw(inbox, message.id) == octets
    assert messages.get(inbox, message.id) == message
    assert messages.update(inbox, message.id, read=True, labels=["a"]).labels == ["a"]
    [listed] = messages.list(inbox, label="a", unread=False, after=message.received_at - timedelta(seconds=1))
    assert (listed.id, listed.headers) == (message.id, None)
    [whole] = messages.list(inbox, include="body", sort="oldest")
    assert whole.headers == message.headers
    assert messages.delete(inbox, message.id).deleted
    with pytest.raises(MessageNotFound):
        messages.get(inbox, message.id)


def test_an_attachment_is_fetched_by_its_link(account: Account) -> None:
    """The link needs no key."""
    account.receive(file=b"%PDF-1.7")
    message = account.client.messages.wait(account.first.id, timeout=30)
    [attachment] = message.attachments
    link = account.client.messages.attachment(account.first.id, message.id, attachment.id)
    assert (link.filename, link.content_type, link.size) == ("ä.pdf", "application/pdf", 8)
    with urllib.request.urlopen(link.url) as response:
        assert response.read() == b"%PDF-1.7"


def test_a_link_that_needs_no_key_is_not_logged(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP library tells the log of each request, by its URL."""
    account.receive(file=b"%PDF")
    mail = account.client.messages.wait(account.first.id, timeout=30)
    token = account.client.messages.attachment(account.first.id, mail.id, mail.attachments[0].id).url.rpartition("/")[2]
    with caplog.at_level("INFO"):
        account.client.messages.download(account.first.id, mail.id, mail.attachments[0].id)
    assert "/v1/downloads/…" in caplog.text
    assert token[:8] not in caplog.text


def test_waiting_ends_with_none_when_nothing_comes(account: Account) -> None:
    """The time is the caller's; what came before `after` does not count."""
    account.receive()
    seen = account.client.messages.wait(account.first.id, timeout=30)
    assert account.client.messages.wait(account.first.id, timeout=0, after=seen.id) is None
    assert account.client.messages.wait(account.first.id, timeout=0.1, after=datetime.now(UTC)) is None


def test_a_thread_is_labelled_and_deleted(account: Account) -> None:
    """List of one inbox and of all, get, update, labels, delete."""
    account.receive("Talk")
    message = account.client.messages.wait(account.first.id, timeout=30)
    threads, inbox = account.client.threads, account.first.id
    assert [thread.id for thread in threads.list(inbox)] == [message.thread_id]
    assert [thread.subject for thread in threads.list(unread=True, order="asc")] == ["Talk"]
    assert threads.add_labels(inbox, message.thread_id, ["a", "b"]).labels == ["a", "b"]
    assert threads.remove_labels(inbox, message.thread_id, ["a"]).labels == ["b"]
    assert threads.update(inbox, message.thread_id, read=True).unread_count == 0
    assert threads.delete(inbox, message.thread_id).id == message.thread_id
    with pytest.raises(ThreadNotFound):
        threads.get(inbox, message.thread_id)


def test_messages_have_no_total(account: Account) -> None:
    """Nobody counts an unbounded feed, so asking for it is an error and not None."""
    with pytest.raises(AttributeError, match="iterate"):
        _ = account.client.messages.list(account.first.id).total


@pytest.mark.parametrize("wrong", ["", ".", ".."])
def test_an_id_cannot_lead_to_another_path(account: Account, wrong: str) -> None:
    """`delete(inbox, "..")` would otherwise mean the inbox."""
    with pytest.raises(ValueError, match="is not an id"):
        account.client.messages.delete(account.first.id, wrong)
    with pytest.raises(InboxNotFound):
        account.client.inboxes.get("../account?x=1#y")
    assert account.client.inboxes.get(account.first.id).status == "active"


def test_rules_are_made_and_mail_that_they_block_is_released(account: Account) -> None:
    """Blocked mail is in a list of its own until it is released."""
    client, inbox = account.client, account.first.id
    made = client.rules.create(direction="inbound", action="block", value="Example.com", inbox_id=inbox, reason="Test")
    assert (made.value, made.level, made.inbox_id, made.reason) == ("example.com", "inbox", inbox, "Test")
    assert client.rules.get(made.id).value == "example.com"
    assert [rule.id for rule in client.rules.list(direction="inbound", q="exam")] == [made.id]
    account.receive("Kept aside")
    while not client.messages.list(inbox, label="blocked").result:
        assert client.messages.wait(inbox, timeout=0.2) is None
    assert client.messages.list(inbox).result == []
    [message] = client.messages.list(inbox, label="blocked").result
    assert client.messages.unblock(inbox, message.id).status == "received"
    waited = client.messages.wait(inbox, timeout=10)
    assert waited
    assert waited.id == message.id
    assert client.rules.delete(made.id).deleted
    with pytest.raises(RuleNotFound):
        client.rules.get(made.id)


def test_an_address_is_suppressed_and_let_go(account: Account) -> None:
    """It stands in the path of the calls, percent-encoded."""
    suppressions = account.client.suppressions
    made = suppressions.add("A/b+c@Example.com", detail="Test")
    assert (made.address, made.reason, made.detail, made.pod_id) == ("a/b+c@example.com", "manual", "Test", None)
    assert suppressions.get("a/b+c@example.com").created_at == made.created_at
    assert [each.address for each in suppressions.list(reason="manual", q="a/")] == [made.address]
    assert suppressions.delete(made.address).id == made.address
    with pytest.raises(SuppressionNotFound):
        suppressions.delete(made.address)
