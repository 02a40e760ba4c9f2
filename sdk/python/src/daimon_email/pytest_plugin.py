"""Fixtures for tests in which e-mail arrives; pytest finds them by itself where this package is installed.

What a run does not ask for costs it nothing: the client is imported by the first test that uses it. A fixture of the
same name in a test module or a `conftest.py` wins.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from daimon_email import DaimonClient, Inbox, Message, SentMessage
    from daimon_email._requests import Addresses, Moment

_SHOWN = 10  # mails that a failed wait names


class MailInbox:
    """An inbox of one test. `id` and `email` say which; `client` reaches everything else."""

    def __init__(self, client: DaimonClient, made: Inbox) -> None:
        self.client = client
        self.id: str = made.id
        self.email: str = made.email

    def wait(
        self,
        *,
        timeout: float = 30.0,
        after: Moment | int | None = None,
        from_: str | None = None,
        subject: str | None = None,
        has_code: bool | None = None,
    ) -> Message:
        """Return the oldest unread mail that fits, as soon as there is one, and mark it as read.

        So each mail is returned once. After `timeout` seconds without one the test fails and says what came instead.
        """
        __tracebackhide__ = True  # a failure is shown where the test waits
        messages = self.client.messages
        found = messages.wait(self.id, timeout=timeout, after=after, from_=from_, subject=subject, has_code=has_code)
        if found is None:
            wanted = {"after": after, "from_": from_, "subject": subject, "has_code": has_code}
            pytest.fail(self._missed(timeout, {name: value for name, value in wanted.items() if value is not None}))
        messages.update(self.id, found.id, read=True)
        return found

    def send(self, to: Addresses, subject: str | None = None, body: str | None = None, **more: Any) -> SentMessage:
        """Send a mail from this inbox; `more` is what `client.messages.send` takes besides."""
        return self.client.messages.send(self.id, to=to, subject=subject, body=body, **more)

    def __repr__(self) -> str:
        return f"MailInbox({self.email!r})"

    def _missed(self, timeout: float, wanted: dict[str, Any]) -> str:
        there = self.client.messages.list(self.id, limit=_SHOWN).result
        came = "".join(f"\n  {each.from_address}: {each.subject!r}{' (read)' * each.read}" for each in there)
        what = f" with {wanted}" if wanted else ""
        return f"no unread mail{what} came to {self.email} in {timeout:g} s; there is{came or ' none at all'}"


@pytest.fixture(scope="session")
def daimon_client() -> Iterator[DaimonClient]:
    """A client for the whole run, by DAIMON_API_KEY and DAIMON_BASE_URL.

    Without a key the run opens an account of its own, and deletes it at its end.
    """
    from daimon_email import DaimonClient

    with DaimonClient() as client:
        if (os.environ.get("DAIMON_API_KEY") or "").strip():
            yield client
            return
        first = client.inboxes.create()
    with DaimonClient(api_key=first.account_api_key) as client:
        try:
            client.inboxes.delete(first.id)  # it would count towards the account's limit
            yield client
        finally:
            client.account.delete()


@pytest.fixture
def inbox(daimon_client: DaimonClient) -> Iterator[MailInbox]:
    """A fresh inbox for one test, deleted after it."""
    from daimon_email import InboxNotFound

    made = MailInbox(daimon_client, daimon_client.inboxes.create())
    try:
        yield made
    finally:
        with suppress(InboxNotFound):  # the test may have done so
            daimon_client.inboxes.delete(made.id)
