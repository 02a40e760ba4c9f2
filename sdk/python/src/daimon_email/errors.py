"""Everything that the client raises.

    DaimonError
    ├── NoAnswer                  no answer came: no connection, or none in time
    ├── UnexpectedAnswer          what came is not an answer of this API
    ├── InvalidSignature          a request to a webhook is not what it seems
    ├── BadRequest 400            InvalidJson, InvalidCursor
    ├── Unauthenticated 401       AuthenticationRequired, InvalidApiKey, ApiKeyExpired, ApiKeyRevoked
    ├── PaymentRequired 402       InboxLimitReached, SendRequiresPaid, DomainRequiresPaid, DomainLimitReached
    ├── Forbidden 403             AccountSuspended, AccountDeleted, PodSuspended, PodLimitReached, …
    ├── NotFound 404              InboxNotFound, MessageNotFound, ThreadNotFound, AttachmentNotFound, …
    ├── Gone 410                  CursorExpired
    ├── Conflict 409              UsernameTaken, ClientIdConflict, RequestInProgress, StateConflict, LastOwner, …
    ├── PayloadTooLarge 413
    ├── UnsupportedMediaType 415
    ├── ValidationFailed 422
    ├── RateLimited 429           InboxCreateRateLimited
    └── ServerError 5xx           Unavailable

An answer is raised as the class of its code, else of its status, else as DaimonError: a code that this version does
not know yet is still caught by its status.
"""

from __future__ import annotations

from daimon_email._error import DaimonError as DaimonError
from daimon_email._error import Detail as Detail


class NoAnswer(DaimonError):
    """No answer came: the server was not reached, or did not answer in time."""

    _code = "NO_ANSWER"


class UnexpectedAnswer(DaimonError):
    """What came is not an answer of this API: see that the base URL is right."""

    _code = "UNEXPECTED_ANSWER"


class InvalidSignature(DaimonError):
    """A request to a webhook was not signed with its secret, or too long ago."""

    _code = "INVALID_SIGNATURE"


class BadRequest(DaimonError):
    """The request could not be read."""

    _status = 400


class InvalidJson(BadRequest):
    """The body is not JSON."""

    _code = "INVALID_JSON"


class InvalidCursor(BadRequest):
    """The cursor was not issued by this list."""

    _code = "INVALID_CURSOR"


class StripeSignatureInvalid(BadRequest):
    """A body that is said to come from Stripe is not signed by it, or was too long ago."""

    _code = "STRIPE_SIGNATURE_INVALID"


class Unauthenticated(DaimonError):
    """The request carries no usable key."""

    _status = 401


class AuthenticationRequired(Unauthenticated):
    """The call needs a key."""

    _code = "AUTHENTICATION_REQUIRED"


class InvalidApiKey(Unauthenticated):
    """The key does not exist."""

    _code = "INVALID_API_KEY"


class ApiKeyExpired(Unauthenticated):
    """The key has expired."""

    _code = "API_KEY_EXPIRED"


class ApiKeyRevoked(Unauthenticated):
    """The key was revoked or rotated."""

    _code = "API_KEY_REVOKED"


class PaymentRequired(DaimonError):
    """The account's tier does not include this; `upgrade_context` says what to tell whom."""

    _status = 402


class InboxLimitReached(PaymentRequired):
    """The account has as many inboxes as its tier allows."""

    _code = "INBOX_LIMIT_REACHED"


class DomainLimitReached(PaymentRequired):
    """The account has as many domains as its tier allows."""

    _code = "DOMAIN_LIMIT_REACHED"


class WebhookRequiresPaid(PaymentRequired):
    """The account's tier has no webhooks."""

    _code = "WEBHOOK_REQUIRES_PAID"


class DomainRequiresPaid(PaymentRequired):
    """The account's tier has no domains of its own."""

    _code = "DOMAIN_REQUIRES_PAID"


class SendRequiresPaid(PaymentRequired):
    """The account's tier receives only; sending needs a paid tier."""

    _code = "SEND_REQUIRES_PAID"


class Forbidden(DaimonError):
    """The key may not do this."""

    _status = 403
    _code = "FORBIDDEN"


class AccountSuspended(Forbidden):
    """The account is suspended: it can be read, and changes nothing."""

    _code = "ACCOUNT_SUSPENDED"


class AccountUnderReview(Forbidden):
    """The account is under review: it cannot send."""

    _code = "ACCOUNT_UNDER_REVIEW"


class PodSuspended(Forbidden):
    """The pod is suspended."""

    _code = "POD_SUSPENDED"


class InboxSuspended(Forbidden):
    """The inbox is suspended."""

    _code = "INBOX_SUSPENDED"


class AccountDeleted(Forbidden):
    """The account was deleted: it can be read and restored until it is erased, and changes nothing."""

    _code = "ACCOUNT_DELETED"


class PodLimitReached(Forbidden):
    """The pod holds as many inboxes as its own limit allows; neither money nor waiting changes that."""

    _code = "POD_LIMIT_REACHED"


class RecipientBlocked(Forbidden):
    """A rule forbids sending to one of the recipients; `details` names it, and nothing was sent."""

    _code = "RECIPIENT_BLOCKED"


class NotFound(DaimonError):
    """There is no such object within the reach of the key."""

    _status = 404
    _code = "NOT_FOUND"


class EndpointNotFound(NotFound):
    """The server has no such endpoint: it may be older than this client."""

    _code = "ENDPOINT_NOT_FOUND"


class AccountNotFound(NotFound):
    """There is no such account."""

    _code = "ACCOUNT_NOT_FOUND"


class PodNotFound(NotFound):
    """There is no such pod."""

    _code = "POD_NOT_FOUND"


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    _code = "WEBHOOK_NOT_FOUND"


class DraftNotFound(NotFound):
    """There is no such draft in this inbox."""

    _code = "DRAFT_NOT_FOUND"


class DomainNotFound(NotFound):
    """There is no such domain, or it is not verified."""

    _code = "DOMAIN_NOT_FOUND"


class RuleNotFound(NotFound):
    """There is no such rule."""

    _code = "RULE_NOT_FOUND"


class SuppressionNotFound(NotFound):
    """This address is not suppressed."""

    _code = "SUPPRESSION_NOT_FOUND"


class SplitLineNotFound(NotFound):
    """The billing report of this month has no such line."""

    _code = "SPLIT_LINE_NOT_FOUND"


class DeliveryNotFound(NotFound):
    """The webhook has no such delivery, or it is older than 30 days."""

    _code = "DELIVERY_NOT_FOUND"


class InboxNotFound(NotFound):
    """There is no such inbox."""

    _code = "INBOX_NOT_FOUND"


class MessageNotFound(NotFound):
    """There is no such message in this inbox."""

    _code = "MESSAGE_NOT_FOUND"


class ThreadNotFound(NotFound):
    """There is no such thread in this inbox."""

    _code = "THREAD_NOT_FOUND"


class AttachmentNotFound(NotFound):
    """There is no such attachment on this message."""

    _code = "ATTACHMENT_NOT_FOUND"


class KeyNotFound(NotFound):
    """There is no such key within the reach of this one."""

    _code = "KEY_NOT_FOUND"


class LinkInvalid(NotFound):
    """This link was used, has expired, or never was one."""

    _code = "LINK_INVALID"


class MemberNotFound(NotFound):
    """There is no such member within the reach of this key."""

    _code = "MEMBER_NOT_FOUND"


class TeamNotFound(NotFound):
    """There is no such team within the reach of this key."""

    _code = "TEAM_NOT_FOUND"


class Gone(DaimonError):
    """What was asked for is not kept any more."""

    _status = 410


class CursorExpired(Gone):
    """The events behind this place are not kept any more; the message names the oldest that is."""

    _code = "CURSOR_EXPIRED"


class LinkExpired(Gone):
    """The link by which somebody pays has expired."""

    _code = "LINK_EXPIRED"


class Conflict(DaimonError):
    """The request contradicts what is there."""

    _status = 409


class UsernameTaken(Conflict):
    """An inbox with this address exists already; `suggestions` are free."""

    _code = "USERNAME_TAKEN"

    @property
    def suggestions(self) -> list[str]:
        """Usernames that were free when the answer was made."""
        return [detail.message for detail in self.details if detail.field == "username"]


class ClientIdConflict(Conflict):
    """This `client_id` made another object before."""

    _code = "CLIENT_ID_CONFLICT"


class RequestInProgress(Conflict):
    """A request with this `Idempotency-Key` is still running."""

    _code = "REQUEST_IN_PROGRESS"


class LastOwner(Conflict):
    """This would leave the account without an active owner."""

    _code = "LAST_OWNER"


class MemberExists(Conflict):
    """The account already has a member with this e-mail address."""

    _code = "MEMBER_EXISTS"


class PodNotEmpty(Conflict):
    """The pod holds inboxes."""

    _code = "POD_NOT_EMPTY"


class StateConflict(Conflict):
    """What is asked for does not fit the state that the object is in."""

    _code = "STATE_CONFLICT"


class SubdomainTaken(Conflict):
    """Another pod has this subdomain."""

    _code = "SUBDOMAIN_TAKEN"


class DomainClaimed(Conflict):
    """Another account has verified this domain."""

    _code = "DOMAIN_CLAIMED"


class BillingOff(Conflict):
    """This server has no billing: its operator sets the tiers of accounts."""

    _code = "BILLING_OFF"


class TierNotSold(Conflict):
    """The tier is not for sale on this server."""

    _code = "TIER_NOT_SOLD"


class PayloadTooLarge(DaimonError):
    """The body is larger than the endpoint takes."""

    _status = 413
    _code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaType(DaimonError):
    """The body is not JSON."""

    _status = 415
    _code = "UNSUPPORTED_MEDIA_TYPE"


class ValidationFailed(DaimonError):
    """Fields of the request are wrong; `details` names each."""

    _status = 422
    _code = "VALIDATION_FAILED"


class RateLimited(DaimonError):
    """Too many requests; `retry_after` says how many seconds to wait."""

    _status = 429
    _code = "RATE_LIMIT_EXCEEDED"


class InboxCreateRateLimited(RateLimited):
    """Too many inboxes were created without a key from this address in the last hour."""

    _reason = "INBOX_CREATE_RATE_LIMIT"


class SendLimitExceeded(RateLimited):
    """The account has sent as much today as its tier allows; the day turns at midnight UTC."""

    _code = "SEND_LIMIT_EXCEEDED"


class ServerError(DaimonError):
    """Something went wrong at the server."""

    _status = 500
    _code = "INTERNAL"


class UpgradeRequired(DaimonError):
    """The path speaks the WebSocket protocol alone."""

    _code = "UPGRADE_REQUIRED"


class Unavailable(ServerError):
    """The server cannot do this right now; nothing was done."""

    _code = "UNAVAILABLE"
