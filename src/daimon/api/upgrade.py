"""What an error says that money would have prevented: where a person goes to pay, and how an agent asks for it."""

from daimon.api.request import Request
from daimon.billing.links import next_tier
from daimon.kit.errors import DaimonError, PaymentRequired
from daimon.quotas.errors import DailySendsExceeded

UPGRADABLE = (PaymentRequired, DailySendsExceeded)  # the second by waiting too


def with_upgrade_context(error: DaimonError, request: Request) -> DaimonError:
    """Give an error its `upgrade_context` if more money helps."""
    if isinstance(error, UPGRADABLE) and error.upgrade_context is None and request.key is not None:
        url = upgrade_url(request)
        error.upgrade_context = {
            "operator_action_url": url,
            "operator_action_label": "Upgrade the account",
            "agent_script": _script(error, url),
        }
    return error


def upgrade_url(request: Request) -> str:
    """Return where a person upgrades the account of a request to the tier above: no row is made for it."""
    account = request.principal.account
    return request.services.billing.links.for_refusal(account.account_id, next_tier(account.tier), now=request.now)


def _script(error: DaimonError, url: str) -> str:
    until = "" if error.retry_after is None else f" Otherwise I can go on in {_span(error.retry_after)}."
    asked = f"Please upgrade the account at {url}, then tell me to try again."
    return f"I cannot go on: {_clause(error.message)}. {asked}{until}"


def _clause(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")


def _span(seconds: int) -> str:
    hours, minutes = divmod(-(-seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
