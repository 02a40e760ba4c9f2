"""`daimon admin`: what the operator of a server does with accounts, keys, organisations and waiting mail."""

from daimon.cli.admin import accounts, billing, domains, keys, ledger, notices, organisations
from daimon.cli.parsing import Commands, group


def add(commands: Commands, _: str) -> None:
    """Add the commands of the operator."""
    admin = group(commands, "admin", "accounts, keys, organisations and the service domain, for the server's operator")
    accounts.add(admin)
    keys.add(admin)
    domains.add(admin)
    organisations.add(admin)
    notices.add(admin)
    paid = group(admin, "billing", "what accounts use and pay for")
    billing.add(paid)
    ledger.add(paid)
