"""The zone file, read by BIND's own checker."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import bearer
from .registrar import Registrar, record

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
_HEAD = "$TTL 3600\n@ IN SOA ns1.example. admin.example. 1 3600 600 86400 300\n@ IN NS ns1.example.\n"


@pytest.fixture(scope="session")
def checkzone() -> str:
    """BIND's checker, installed if this may be done."""
    if not shutil.which("named-checkzone", path=_PATH) and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", "bind9-utils"]):
            subprocess.run(["apt-get", *command], check=True, env=environment, stdout=subprocess.DEVNULL)
    found = shutil.which("named-checkzone", path=_PATH)
    assert found, "this test needs named-checkzone (Debian: apt-get install bind9-utils)"
    return found


async def test_a_zone_with_the_fragment_is_accepted(registrar: Registrar, checkzone: str, tmp_path: Path) -> None:
    """Long TXT records are split, hostile ones escaped, and what the checker read is what the records say."""
    account = await registrar.account()
    domain = await registrar.claim(account, "acme.example")
    registrar.zones.put("TXT", "_dmarc.acme.example", 'v=DMARC1; p=none; x="\\;(\x01é' + "y" * 300)
    domain = await registrar.verify(account, domain)
    answer = await registrar.edge.http.get(
        f"/v1/domains/{domain['id']}/zone-file", headers=bearer(account.account_api_key)
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/dns")
    zone = tmp_path / "zone"
    zone.write_text(_HEAD + answer.text)
    command = [checkzone, "-i", "none", "-D", "acme.example", str(zone)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" IN MX\t") == 2
    assert done.stdout.count(" IN TXT\t") == 5
    joined = done.stdout.replace('" "', "").replace("\\;", ";")
    for purpose in ("ownership", "dkim", "spf"):
        assert record(domain, purpose)["value"] in joined
