"""The service domain's own records and keys, from the command line."""

from daimon.config import Settings
from daimon.domains import service_keys
from daimon.domains.dkim import KeyVault
from daimon.kit.clock import rfc3339
from daimon.operate.audit import secret_of
from daimon.operate.desk import Desk, change

COLUMNS = ("type", "name", "value", "stage")
Fields = dict[str, object]


def records(settings: Settings) -> list[Fields]:
    """Return the records that the service domain needs. Its first keys are made if it has none. Raises NotDone."""

    async def work(desk: Desk) -> list[Fields]:
        await service_keys.ensure(desk.db, settings.service_domain, KeyVault(secret_of(settings)), desk.now)
        return await _records(desk, settings)

    return change(settings, work)


def rotate_dkim(settings: Settings) -> list[Fields]:
    """Make new keys of the service domain and return its records. Raises NotDone, also while a rotation runs."""

    async def work(desk: Desk) -> list[Fields]:
        vault = KeyVault(secret_of(settings))
        await service_keys.ensure(desk.db, settings.service_domain, vault, desk.now)
        await service_keys.rotate(desk.db, settings.service_domain, vault, desk.now)
        return await _records(desk, settings)

    return change(settings, work)


async def _records(desk: Desk, settings: Settings) -> list[Fields]:
    domain = settings.service_domain
    own: list[Fields] = [_fields("MX", domain, f"{10 * at} {host}.") for at, host in enumerate(settings.mx_hosts, 1)]
    own.append(_fields("TXT", domain, "v=spf1 mx ~all"))
    for key in await service_keys.listed(desk.db, domain):
        made = {"stage": key.stage.value, "created_at": rfc3339(key.created_at)}
        own.append(_fields("TXT", f"{key.selector}._domainkey.{domain}", key.record) | made)
    return [*own, _fields("TXT", f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")]


def _fields(kind: str, name: str, value: str) -> Fields:
    return {"type": kind, "name": name, "value": value, "stage": None, "created_at": None}
