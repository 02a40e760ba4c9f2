"""DMARC: records, alignment, organizational domains, and what the results come to together."""

import pytest

from daimon.kit.dns import Dns
from daimon.mail import dmarc
from daimon.mail.auth_results import AuthResults, NoPolicy, Signed, finding, of_mail
from daimon.mail.dmarc import Policy, is_aligned, organizational_domain
from daimon.mail.spf import Spf
from nameserver import NameServer

REJECT = Policy("reject")


@pytest.mark.parametrize(("records", "author", "policy"), [
    ({"example.org": ["v=DMARC1; p=reject"]}, "example.org", REJECT),
    ({"example.org": ["v=DMARC1;p=Reject;adkim=s;aspf=S;pct=0"]}, "example.org", Policy("reject", True, True)),
    ({"example.org": ["v=DMARC1; p=reject"]}, "a.b.example.org", REJECT),
    ({"example.org": ["v=DMARC1; p=none; sp=quarantine"]}, "a.example.org", Policy("quarantine")),
    ({"example.org": ["v=DMARC1; p=none; sp=quarantine"]}, "example.org", Policy("none")),
    ({"example.org": ["v=DMARC1; p=reject; sp=nonsense"]}, "a.example.org", REJECT),
    ({"a.example.org": ["v=DMARC1; p=none"], "example.org": ["v=DMARC1; p=reject"]}, "a.example.org", Policy("none")),
    ({"b.example.org": ["v=DMARC1; p=reject"]}, "a.b.example.org", None),
    ({"co.uk": ["v=DMARC1; p=reject"]}, "example.co.uk", None),
    ({"example.org": ["v=DMARC1; p=nonsense; rua=mailto:a@example.org"]}, "example.org", Policy("none")),
    ({"example.org": ["v=DMARC1; p=nonsense"]}, "example.org", None),
    ({"example.org": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}, "example.org", None),
    ({"example.org": ["v=spf1 -all", "v=DMARC1; p=reject"]}, "example.org", REJECT),
    ({"example.org": ["p=reject; v=DMARC1"]}, "example.org", None),
    ({"example.org": ["v=DMARC1; p=reject; p=none"]}, "example.org", None),
    ({"example.org": ["v=DMARC12; p=reject"]}, "example.org", None),
    ({}, "example.org", None),
])  # fmt: skip
async def test_records(records: dict[str, list[str]], author: str, policy: Policy | None) -> None:
    """RFC 7489 §6.3 and §6.6.3, by a real DNS server."""
    async with NameServer() as server:
        for name, texts in records.items():
            server.add(f"_dmarc.{name}", "TXT", *(f'"{text}"' for text in texts))
        assert await dmarc.policy_of(Dns(server.address), author) == policy


@pytest.mark.parametrize(("domain", "organization"), [
    ("example.org", "example.org"),
    ("a.b.example.org", "example.org"),
    ("a.example.co.uk", "example.co.uk"),
    ("co.uk", "co.uk"),
    ("localhost", "localhost"),
    ("a.xn--bcher-kva.xn--p1ai", "xn--bcher-kva.xn--p1ai"),
    ("me.github.io", "me.github.io"),
])  # fmt: skip
def test_organizations(domain: str, organization: str) -> None:
    """By the Public Suffix List."""
    assert organizational_domain(domain) == organization


@pytest.mark.parametrize(("author", "authenticated", "relaxed", "strict"), [
    ("example.org", ["example.org"], True, True),
    ("example.org", ["mail.example.org"], True, False),
    ("a.example.org", ["b.example.org"], True, False),
    ("example.org", ["example.net", "example.org"], True, True),
    ("example.org", ["notexample.org"], False, False),
    ("example.org", ["org"], False, False),
    ("example.co.uk", ["other.co.uk"], False, False),
    ("example.org", [], False, False),
])  # fmt: skip
def test_alignment(author: str, authenticated: list[str], relaxed: bool, strict: bool) -> None:
    """RFC 7489 §3.1."""
    assert is_aligned(author, authenticated) is relaxed
    assert is_aligned(author, authenticated, strict=True) is strict


def _of(
    spf: str = "none", dkim: str = "none", policy: Policy | NoPolicy = REJECT, *, blind: bool = False
) -> AuthResults:
    """Return the results of a mail of example.org; `spf` and `dkim` are a result, and a domain if it is another."""
    sent, _, sent_by = spf.partition(" ")
    signed, _, signer = dkim.partition(" ")
    signatures = [Signed(signer or "example.org", signed)] if dkim != "none" else []  # type: ignore[arg-type]
    return of_mail(Spf(sent, sent_by or "example.org"), signatures, ["example.org"], policy, blind=blind)  # type: ignore[arg-type]


@pytest.mark.parametrize(("results", "verdict", "aligned", "proven"), [
    (_of("pass"), "pass", True, ("example.org",)),
    (_of("pass mail.example.org"), "pass", True, ("mail.example.org",)),
    (_of("pass mail.example.org", policy=Policy("reject", strict_spf=True)), "fail", True, ("mail.example.org",)),
    (_of("pass evil.example"), "fail", False, ("evil.example",)),
    (_of("fail"), "fail", False, ()),
    (_of("softfail", "pass"), "pass", True, ("example.org",)),
    (_of("fail", "pass sub.example.org", Policy("reject", strict_dkim=True)), "fail", True, ("sub.example.org",)),
    (_of("fail", "pass list.example"), "fail", False, ("list.example",)),
    (_of("fail", "temperror"), "temperror", None, ()),
    (_of("temperror", "fail"), "temperror", None, ()),
    (_of("temperror", "pass"), "pass", True, ("example.org",)),
    (_of("fail", "fail", NoPolicy()), "none", False, ()),
    (_of("pass", policy=NoPolicy()), "none", True, ("example.org",)),
    (_of("pass", policy=NoPolicy(unanswered=True)), "temperror", True, ("example.org",)),
    (_of(blind=True), "none", None, ()),
    (_of(dkim="fail", blind=True), "none", None, ()),
    (_of(dkim="pass", blind=True), "pass", True, ("example.org",)),
])  # fmt: skip
def test_results(results: AuthResults, verdict: str, aligned: bool | None, proven: tuple[str, ...]) -> None:
    """DMARC passes by an aligned identifier that passed, and nobody is blamed for a DNS that is away."""
    assert (results.dmarc, results.aligned, results.proven) == (verdict, aligned, proven)


@pytest.mark.parametrize("authors", [[], ["example.org", "example.net"], [""], ["example.org", ""]])
def test_a_mail_of_no_author_or_of_several_is_distrusted(authors: list[str]) -> None:
    """RFC 7489 §6.6.1: it would be told as the first one's, and pass as the second's."""
    results = of_mail(Spf("pass", "example.net"), [Signed("example.net", "pass")], authors, REJECT)
    assert (results.dmarc, results.aligned) == ("permerror", False)
    assert finding(results)


def test_the_best_signature_counts() -> None:
    """A mailing list's own signature makes up for the author's, which it broke."""
    signed = [Signed("example.org", "fail"), Signed("list.example", "pass"), Signed("x.example", "permerror")]
    assert of_mail(Spf("none", ""), signed, ["example.org"], NoPolicy()).dkim == "pass"


def test_findings() -> None:
    """A failure is told with what the domain asks for; all else is no finding."""
    told = finding(_of("fail"))
    assert told
    assert (told.kind, "asks to reject" in told.detail) == ("failed_dmarc", True)
    assert finding(_of("fail", policy=Policy("none")))
    assert finding(_of("pass")) is None
    assert finding(_of("fail", "temperror")) is None
    assert finding(_of("fail", policy=NoPolicy())) is None
