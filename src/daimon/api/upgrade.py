"""What a 402 says to the agent and to the person behind it: where to go, and how to ask."""

from daimon.kit.errors import PaymentRequired


def with_upgrade_context(error: PaymentRequired, public_url: str) -> PaymentRequired:
    """Give an error that money would have prevented its `upgrade_context`."""
    url = f"{public_url}/console/billing"
    error.upgrade_context = error.upgrade_context or {
        "operator_action_url": url,
        "operator_action_label": "Upgrade the account",
        "agent_script": f"I cannot go on: {_clause(error.message)}. Please upgrade the account at {url}, "
        "then tell me to try again.",
    }
    return error


def _clause(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
