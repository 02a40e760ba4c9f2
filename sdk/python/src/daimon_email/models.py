"""What the calls return. A field that the server leaves out is None; one that this version does not know is ignored.

The field types are read when an answer is decoded, so they are written as Python 3.9 can read them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, List, Optional

from daimon_email._event_models import Attempt as Attempt
from daimon_email._event_models import CreatedWebhook as CreatedWebhook
from daimon_email._event_models import Delivery as Delivery
from daimon_email._event_models import Event as Event
from daimon_email._event_models import Replay as Replay
from daimon_email._event_models import RotatedSecret as RotatedSecret
from daimon_email._event_models import TestedWebhook as TestedWebhook
from daimon_email._event_models import Webhook as Webhook
from daimon_email._result import Result as Result
from daimon_email._sending_models import Deliveries as Deliveries
from daimon_email._sending_models import DeliveryAttempt as DeliveryAttempt
from daimon_email._sending_models import Draft as Draft
from daimon_email._sending_models import DraftError as DraftError
from daimon_email._sending_models import DraftFile as DraftFile
from daimon_email._sending_models import Mailbox as Mailbox
from daimon_email._sending_models import RecipientHistory as RecipientHistory
from daimon_email._sending_models import SentMessage as SentMessage
from daimon_email._sending_models import SentRecipient as SentRecipient


@dataclass(frozen=True)
class Inbox(Result):
    """An inbox."""

    id: str
    account_id: str
    username: str
    domain: str
    email: str
    status: str
    tier: str
    created_at: datetime
    updated_at: datetime
    message_count: int = 0
    thread_count: int = 0
    unread_count: int = 0
    pod_id: Optional[str] = None
    display_name: Optional[str] = None
    last_received_at: Optional[datetime] = None
    client_id: Optional[str] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    view_url: Optional[str] = None


@dataclass(frozen=True)
class DomainRecord(Result):
    """A DNS record of a domain: what it should be, and what was found there."""

    type: str
    name: str
    value: str
    purpose: str
    required: bool
    status: str
    found: List[str] = field(default_factory=list)
    priority: Optional[int] = None
    hint: Optional[str] = None


@dataclass(frozen=True)
class Domain(Result):
    """A domain of the account's own."""

    id: str
    account_id: str
    domain: str
    status: str
    created_at: datetime
    updated_at: datetime
    records: List[DomainRecord] = field(default_factory=list)
    pod_id: Optional[str] = None
    reason: Optional[str] = None
    catch_all_inbox_id: Optional[str] = None
    client_id: Optional[str] = None
    checked_at: Optional[datetime] = None
    verified_at: Optional[datetime] = None


@dataclass(frozen=True)
class Rule(Result):
    """A rule about whom an inbox hears from or writes to."""

    id: str
    account_id: str
    level: str
    direction: str
    action: str
    value: str
    created_at: datetime
    pod_id: Optional[str] = None
    inbox_id: Optional[str] = None
    reason: Optional[str] = None
    client_id: Optional[str] = None


@dataclass(frozen=True)
class Suppression(Result):
    """An address that nothing is sent to any more."""

    address: str
    account_id: str
    reason: str
    created_at: datetime
    pod_id: Optional[str] = None
    message_id: Optional[str] = None
    detail: Optional[str] = None


@dataclass(frozen=True)
class CreatedInbox(Inbox):
    """A new inbox. Its keys are shown this once, `account_api_key` with the first inbox of an account.

    Both are None where `client_id` found the inbox made by an earlier call.
    """

    inbox_api_key: Optional[str] = field(default=None, repr=False)
    account_api_key: Optional[str] = field(default=None, repr=False)


@dataclass(frozen=True)
class RotatedInboxKey(Result):
    """An inbox's key with its new secret, which is shown this once."""

    inbox_id: str
    email: str
    key_id: str
    inbox_api_key: str = field(repr=False)
    old_key_valid_until: datetime


@dataclass(frozen=True)
class Limits:
    """What the account may use and what it uses; None is unlimited."""

    max_inboxes: Optional[int]
    current_inboxes: int
    max_sends_per_day: Optional[int]
    current_sends_today: int
    webhooks_enabled: bool
    custom_domains_enabled: bool
    burst_per_minute: Optional[int] = None
    concurrent_sends: Optional[int] = None
    max_custom_domains: Optional[int] = None


@dataclass(frozen=True)
class Account(Result):
    """An account."""

    account_id: str
    tier: str
    status: str
    limits: Limits
    created_at: datetime
    operator_email: Optional[str] = None


@dataclass(frozen=True)
class SmtpSettings(Result):
    """What a mail program is told to send by."""

    host: str
    port: int
    security: str
    username: str
    password_hint: str
    auth_mechanisms: List[str]
    from_hint: str
    max_message_bytes: int
    max_recipients: int
    tls_port: Optional[int] = None


@dataclass(frozen=True)
class Whoami(Result):
    """What the key that was sent is, reaches and may do."""

    key_id: str
    scope: str
    account_id: str
    permissions: List[str]
    tier: str
    status: str
    name: Optional[str] = None
    pod_id: Optional[str] = None
    inbox_id: Optional[str] = None
    member_id: Optional[str] = None
    expires_at: Optional[datetime] = None


@dataclass(frozen=True)
class Link:
    """A link and the words it stands under."""

    url: str
    text: str


@dataclass(frozen=True)
class Code:
    """A one-time code. `kind` says what for, such as `verification` or `login`."""

    code: str
    kind: str


@dataclass(frozen=True)
class Attachment:
    """A part of a message that is not its body."""

    id: str
    content_type: str
    size: int
    inline: bool = False
    filename: Optional[str] = None
    content_id: Optional[str] = None


@dataclass(frozen=True)
class Authentication:
    """What SPF, DKIM, DMARC and ARC say, in the words of RFC 8601; None was not evaluated."""

    spf: Optional[str] = None
    dkim: Optional[str] = None
    dmarc: Optional[str] = None
    arc: Optional[str] = None
    aligned: Optional[bool] = None


@dataclass(frozen=True)
class Finding:
    """One thing to know before trusting a message. `kind` is a stable word, `detail` is for people."""

    kind: str
    detail: str


@dataclass(frozen=True)
class Safety:
    """What to distrust in a message, and how much. `spam_score` runs from 0 to 1."""

    spam_score: float
    verdict: str
    findings: List[Finding]


@dataclass(frozen=True)
class Message(Result):
    """A message. Lists leave out `body_html`, `headers` and long bodies unless asked with `include="body"`."""

    id: str
    account_id: str
    inbox_id: str
    thread_id: str
    direction: str
    status: str
    subject: str
    preview: str
    size: int
    received_at: datetime
    read: bool
    labels: List[str]
    authentication: Authentication
    safety: Safety
    from_address: Optional[str] = None
    from_name: Optional[str] = None
    to: List[Mailbox] = field(default_factory=list)
    cc: List[Mailbox] = field(default_factory=list)
    bcc: List[Mailbox] = field(default_factory=list)
    reply_to: List[Mailbox] = field(default_factory=list)
    body_text: Optional[str] = None
    body_html: Optional[str] = None
    reply_body: Optional[str] = None
    links: List[Link] = field(default_factory=list)
    cta_links: List[Link] = field(default_factory=list)
    codes: List[Code] = field(default_factory=list)
    attachments: List[Attachment] = field(default_factory=list)
    message_id: Optional[str] = None
    in_reply_to: Optional[str] = None
    references: List[str] = field(default_factory=list)
    headers: Optional[Dict[str, List[str]]] = None
    pod_id: Optional[str] = None
    sent_at: Optional[datetime] = None
    deleted_at: Optional[datetime] = None


@dataclass(frozen=True)
class Download(Result):
    """Where an attachment is fetched; the link needs no key."""

    url: str
    expires_at: datetime
    content_type: str
    size: int
    filename: Optional[str] = None


@dataclass(frozen=True)
class Thread(Result):
    """A thread."""

    id: str
    inbox_id: str
    subject: str
    participants: List[str]
    labels: List[str]
    message_count: int
    unread_count: int
    last_message_at: datetime
    preview: str
    created_at: datetime
    updated_at: datetime
    pod_id: Optional[str] = None


@dataclass(frozen=True)
class Deleted(Result):
    """What was deleted."""

    id: str
    deleted: bool = True


@dataclass(frozen=True)
class Lease:
    """The lease of a claimed message. `claim_count` are its claims so far that were not released, this one included."""

    lease_id: str
    claim_count: int
    leased_until: datetime


@dataclass(frozen=True)
class Claimed(Result):
    """A message that is nobody else's until its lease ends."""

    message: Message
    claim: Lease
