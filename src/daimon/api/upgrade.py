"""What an error says that money would have prevented: where a person goes to pay, and how an agent asks for it."""

from daimon.kit.errors import DaimonError, PaymentRequired
from daimon.quotas.errors import DailySendsExceeded

UPGRADABLE = (PaymentRequired, DailySendsExceeded)  # the second by waiting too


def with_upgrade_context(error: DaimonError, public_url: str) -> DaimonError:
    """Give an error its `upgrade_context` if more money helps."""
    if isinstance(error, UPGRADABLE) and error.upgrade_context is None:
        url = upgrade_url(public_url)
        error.upgrade_context = {
            "operator_action_url": url,
            "operator_action_label": "Upgrade the account",
            "agent_script": _script(error, url),
        }
    return error


def upgrade_url(public_url: str) -> str:
    """Return where a person upgrades an account."""
    return f"{public_url}/console/billing"


def _script(error: DaimonError, url: str) -> str:
    until = "" if error.retry_after is None else f" Otherwise I can go on in {_span(error.retry_after)}."
    asked = f"Please upgrade the account at {url}, then tell me to try again."
    return f"I cannot go on: {_clause(error.message)}. {asked}{until}"


def _clause(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")


def _span(seconds: int) -> str:
    hours, minutes = divmod(-(-seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
