"""The zone file, read by BIND's own checker."""

import asyncio
import subprocess
from pathlib import Path

import peer_tools

from .conftest import bearer
from .registrar import Registrar, record

_HEAD = "$TTL 3600\n@ IN SOA ns1.example. admin.example. 1 3600 600 86400 300\n@ IN NS ns1.example.\n"


async def test_a_zone_with_the_fragment_is_accepted(registrar: Registrar, tmp_path: Path) -> None:
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
    command = [peer_tools.program("named-checkzone"), "-i", "none", "-D", "acme.example", str(zone)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" IN MX\t") == 2
    assert done.stdout.count(" IN TXT\t") == 5
    joined = done.stdout.replace('" "', "").replace("\\;", ";")
    for purpose in ("ownership", "dkim", "spf"):
        assert record(domain, purpose)["value"] in joined
