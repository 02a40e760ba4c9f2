"""SPF: the test suite of openspf.org for RFC 7208, records that cost, and a few through a real DNS server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from daimon.kit.dns import Answer, Dns, Mx, NoSuchName, Unanswered
from daimon.mail import spf, spf_record
from daimon.mail.spf_record import MOST_OCTETS, BadRecord
from nameserver import NameServer

SUITE = Path(__file__).parents[2] / "corpus" / "spf" / "rfc7208-tests.yml"
# What asks for PTR records: `ptr` never matches here and `%{p}` is `unknown`.
BY_PTR = {
    "ptr-match-target": "fail",
    "ptr-match-implicit": "fail",
    "ptr-match-ip6": "fail",
    "ptr-case-change": "fail",
    "p-macro-multiple": "neutral",
    "bytes-bug": "fail",
}


class Zone:
    """Answers by the zone data of the suite."""

    def __init__(self, zone: dict[str, list[Any]]) -> None:
        self._zone = {name.lower().removesuffix("."): records for name, records in zone.items()}
        self.asked: list[str] = []

    async def txt(self, name: str) -> Answer[bytes]:
        return _answer(b"".join(each.encode("latin-1") for each in _several(value)) for value in self._of(name, "TXT"))

    async def a(self, name: str) -> Answer[str]:
        return _answer(self._of(name, "A"))

    async def aaaa(self, name: str) -> Answer[str]:
        return _answer(self._of(name, "AAAA"))

    async def mx(self, name: str) -> Answer[Mx]:
        return _answer(Mx(preference, host.lower()) for preference, host in self._of(name, "MX"))

    def _of(self, name: str, kind: str) -> list[Any]:
        self.asked.append(f"{name} {kind}")
        name = name.lower()
        if any(not 0 < len(label) <= 63 for label in name.split(".")) or name not in self._zone:
            raise NoSuchName(name)
        records = self._zone[name]
        for record in records:
            if isinstance(record, dict) and "CNAME" in record and kind != "CNAME":
                return self._of(record["CNAME"], kind)
        found = [record[kind] for record in records if isinstance(record, dict) and kind in record]
        if kind == "TXT" and not found:
            found = [record["SPF"] for record in records if isinstance(record, dict) and "SPF" in record]
        found = [each for each in found if each != "NONE"]
        if not found and "TIMEOUT" in records:
            raise Unanswered(name)
        return found


def _answer(records: Any) -> Answer[Any]:
    return Answer(tuple(records), 60, authentic=False, canonical=None)


def _several(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _cases() -> Iterator[Any]:
    for section in yaml.safe_load_all(SUITE.read_text("utf-8")):
        for name, case in section["tests"].items():
            expected = _several(BY_PTR.get(name, case["result"]))
            yield pytest.param(case, section["zonedata"], expected, id=name)


@pytest.mark.parametrize(("case", "zone", "expected"), list(_cases()))
async def test_suite(case: dict[str, Any], zone: dict[str, list[Any]], expected: list[str]) -> None:
    """Every case of the suite gives a result that it allows."""
    found = await spf.check(Zone(zone), case["host"], mail_from=case["mailfrom"] or None, helo=case["helo"])
    assert found.result in expected


HOSTILE = {
    "an endless label": "v=spf1 a:" + "a" * 16_000 + "! -all",
    "macros": "v=spf1 " + "%{" * 8_000,
    "many macros": "v=spf1 a:" + "%{d1r+}" * 2_200 + " -all",
    "many terms": "v=spf1 " + "ip4:1.2.3.4 " * 1_300 + "-all",
    "an endless name": "v=spf1 " + "a" * 16_000,
    "an endless number": "v=spf1 ip4:1.2.3.4/" + "1" * 16_000,
    "too long": "v=spf1 " + " " * MOST_OCTETS + "-all",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_record_is_an_error_and_costs_little(name: str) -> None:
    """What breaks the grammar ends in `permerror`; what does not is evaluated."""
    zone = Zone({"example.org": [{"SPF": HOSTILE[name]}]})
    found = await spf.check(zone, "192.0.2.1", mail_from="a@example.org", helo="x")
    assert found.result in ("permerror", "fail")


async def test_no_record_asks_more_than_the_limit() -> None:
    """§4.6.4 lets ten `mx` ask for ten hosts each; here it ends at 40 questions."""
    hosts: dict[str, list[Any]] = {f"h{nth}.example.org": [{"A": "192.0.2.9"}] for nth in range(10)}
    mx = {f"m{nth}.example.org": [{"MX": [0, host]} for host in hosts] for nth in range(10)}
    record = "v=spf1 " + " ".join(f"mx:{name}" for name in mx) + " -all"
    zone = Zone({"example.org": [{"SPF": record}], **hosts, **mx})
    found = await spf.check(zone, "198.51.100.1", mail_from="a@example.org", helo="x")
    assert (found.result, len(zone.asked)) == ("permerror", spf.MOST_QUESTIONS)


@given(st.text(max_size=300) | st.lists(st.sampled_from([
    "a", "mx", "+", "-", "~", "all", ":", "=", "/", "//", "24", "%{", "%{d}", "%{i4r.}", "}", "%%", "example.org", " ",
    "redirect", "exp", "include", "ip4", "ip6", "1.2.3.4", "::1", ".", "ptr", "exists",
]), max_size=30).map("".join))  # fmt: skip
def test_any_record_is_read_or_refused(text: str) -> None:
    """Reading raises BadRecord and nothing else; what was read can be evaluated."""
    try:
        spf_record.read(f"v=spf1 {text}".encode())
    except BadRecord:
        return
    found = asyncio.run(
        spf.check(Zone({"example.org": [{"SPF": f"v=spf1 {text}"}]}), "192.0.2.1", mail_from="a@example.org", helo="")
    )
    assert found.result


@pytest.mark.parametrize(("mail_from", "helo", "result", "domain"), [
    ("ann@example.org", "x", "pass", "example.org"),
    ("ann@EXAMPLE.org.", "x", "pass", "example.org"),
    ("@example.org", "x", "pass", "example.org"),
    (None, "mail.example.org", "softfail", "mail.example.org"),
    (None, "[192.0.2.1]", "none", "[192.0.2.1]"),
    ("ann@[192.0.2.1]", "x", "none", "[192.0.2.1]"),
    ("ann@localhost", "x", "none", "localhost"),
    ("ann@example.net", "x", "none", "example.net"),
    ("ann@broken.example", "x", "temperror", "broken.example"),
    ("ann@bücher.example", "x", "softfail", "xn--bcher-kva.example"),
        ("ännchen@bücher.example", "x", "softfail", "xn--bcher-kva.example"),
    ("", "", "none", ""),
])  # fmt: skip
async def test_by_a_real_server(mail_from: str | None, helo: str, result: str, domain: str) -> None:
    """The same over UDP: records in several strings, the null reverse-path, names without a record."""
    async with NameServer() as server:
        server.add("example.org", "TXT", '"v=spf1 mx a:relay.example" ".org -all"', '"another"')
        server.add("example.org", "MX", "10 mx.example.org.")
        server.add("mx.example.org", "A", "192.0.2.2")
        server.add("relay.example.org", "A", "192.0.2.1")
        server.add("mail.example.org", "TXT", '"v=spf1 ip4:198.51.100.0/24 ~all"')
        server.add("xn--bcher-kva.example", "TXT", '"v=spf1 exists:%{l}.x.example ~all"')
        server.failing.add("broken.example TXT")
        found = await spf.check(Dns(server.address), "192.0.2.1", mail_from=mail_from, helo=helo)
    assert (found.result, found.domain) == (result, domain)


async def test_an_ipv4_mapped_client_is_one_of_ipv4() -> None:
    """§5: `::ffff:192.0.2.1` is 192.0.2.1."""
    zone = Zone({"example.org": [{"SPF": "v=spf1 ip4:192.0.2.0/24 -all"}]})
    found = await spf.check(zone, "::ffff:192.0.2.1", mail_from="a@example.org", helo="x")
    assert found.result == "pass"
