"""What can be done now: of the tier, the account's status and the key together, so that an agent need not try."""

from collections.abc import Callable
from dataclasses import dataclass

from daimon.accounts.models import Account, AccountStatus
from daimon.api import ownership_examples as examples
from daimon.api.answer import Answer
from daimon.api.capabilities_schema import Can, Cannot, Capabilities
from daimon.api.operation import OPERATIONS, Lend, operation
from daimon.api.request import Request
from daimon.api.upgrade import upgrade_url
from daimon.keys.models import KeyScope, Principal
from daimon.keys.permissions import Permission
from daimon.quotas import service as quotas
from daimon.quotas.tiers import TierLimits

Lacks = Callable[["_Present"], str | None]


@dataclass(frozen=True, slots=True)
class _Present:
    """What the answers are found from."""

    who: Principal
    limits: TierLimits
    inboxes: int

    @property
    def account(self) -> Account:
        return self.who.account


@dataclass(frozen=True, slots=True)
class _Action:
    """Something that an agent may want to do.

    `served` is the operation that does it, None for what needs no call; `lacks` names what a higher tier would give,
    and returns None where the account has it.
    """

    name: str
    description: str
    permission: Permission | None
    served: tuple[str, str] | None
    writes: bool = True
    sends: bool = False
    lacks: Lacks = lambda _: None


def _no_room(present: _Present) -> str | None:
    most = present.limits.max_inboxes
    if most is None or present.inboxes < most:
        return None
    return f"The {present.account.tier} tier allows {most} inboxes and all of them are in use."


def _no_sends(present: _Present) -> str | None:
    if present.limits.max_sends_per_day == 0:
        return f"The {present.account.tier} tier receives only; sending needs a paid tier."
    return None


def _no_webhooks(present: _Present) -> str | None:
    return None if present.limits.webhooks_enabled else f"The {present.account.tier} tier has no webhooks."


def _no_domains(present: _Present) -> str | None:
    if present.limits.custom_domains_enabled:
        return None
    return f"The {present.account.tier} tier has no domains of its own."


_ACTIONS = (
    _Action(
        "create_inbox", "Make inboxes: POST /v1/inboxes.", Permission.INBOXES_WRITE, ("POST", "/v1/inboxes"),
        lacks=_no_room,
    ),
    _Action("receive", "Receive mail in every active inbox.", None, None, writes=False),
    _Action(
        "read", "Read mail, and wait for it: GET /v1/inboxes/{inbox_id}/messages.", Permission.MESSAGES_READ,
        ("GET", "/v1/inboxes/{inbox_id}/messages"), writes=False,
    ),
    _Action(
        "organise", "Label mail, mark it as read, delete it: PATCH /v1/inboxes/{inbox_id}/messages/{message_id}.",
        Permission.MESSAGES_WRITE, ("PATCH", "/v1/inboxes/{inbox_id}/messages/{message_id}"),
    ),
    _Action(
        "send", "Send mail: POST /v1/inboxes/{inbox_id}/send.", Permission.MESSAGES_SEND,
        ("POST", "/v1/inboxes/{inbox_id}/send"), sends=True, lacks=_no_sends,
    ),
    _Action("webhooks", "Be told of mail by webhooks: POST /v1/webhooks.", Permission.WEBHOOKS_WRITE,
            ("POST", "/v1/webhooks"), lacks=_no_webhooks),
    _Action("custom_domain", "Use a domain of your own: POST /v1/domains.", Permission.DOMAINS_WRITE,
            ("POST", "/v1/domains"), lacks=_no_domains),
    _Action("create_pod", "Group inboxes in pods: POST /v1/pods.", Permission.PODS_WRITE, ("POST", "/v1/pods")),
    _Action("create_key", "Make keys that reach less: POST /v1/keys.", Permission.KEYS_WRITE, ("POST", "/v1/keys")),
    _Action("manage_team", "Invite members and grant roles: POST /v1/members.", Permission.TEAMS_WRITE,
            ("POST", "/v1/members")),
    _Action("read_audit", "Read the audit trail: GET /v1/audit.", Permission.AUDIT_READ, ("GET", "/v1/audit"),
            writes=False),
)  # fmt: skip


@operation(
    "GET",
    "/v1/capabilities",
    tag="account",
    reach=KeyScope.ACCOUNT,
    lend=Lend.READ,
    example=examples.CAPABILITIES,
)
async def get_capabilities(request: Request) -> Answer[Capabilities]:
    """Show what the key can do in its account now, and for the rest why not and where to change that."""
    who = request.principal
    limits = request.services.inbox_policy.tiers[who.account.tier]
    present = _Present(who, limits, await quotas.used(request.db, who.scope, quotas.Quota.INBOXES))
    can, cannot = [], []
    for action in _ACTIONS:
        if refusal := _refusal(action, present, upgrade_url(request)):
            cannot.append(refusal)
        else:
            can.append(Can(action.name, action.description))
    return Answer(Capabilities(who.account.tier, can, cannot), ["See the limits: GET /v1/account"])


def _refusal(action: _Action, present: _Present, url: str) -> Cannot | None:
    """Return why an action does not work now. What money does not help against goes first: paying would be in vain."""
    account = present.account
    if account.deleted_at is not None and (action.writes or action.name == "receive"):
        return Cannot(action.name, "The account was deleted; POST /v1/account/restore takes that back.", None)
    if account.status is AccountStatus.SUSPENDED and action.writes:
        return Cannot(action.name, _because("The account is suspended", account), None)
    if account.status is AccountStatus.UNDER_REVIEW and action.sends:
        return Cannot(action.name, _because("The account is under review and sends nothing", account), None)
    if action.permission and action.permission not in present.who.permissions:
        return Cannot(action.name, f"This key lacks the permission {action.permission}.", None)
    if action.served and not _is_served(*action.served):
        return Cannot(action.name, "This server does not offer it yet.", None)
    missing = action.lacks(present)
    return Cannot(action.name, missing, url) if missing else None


def _because(what: str, account: Account) -> str:
    return f"{what}: {account.status_reason}." if account.status_reason else f"{what}."


def _is_served(method: str, path: str) -> bool:
    return any(each.method == method and each.path == path for each in OPERATIONS)
