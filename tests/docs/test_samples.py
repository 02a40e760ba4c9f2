"""Every block of every page is run against a server, as it stands and in its order, or checked for what it is."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing.conftest import localstripe
from daimon_email import DaimonClient
from npm import PATIENCE

from .beside import World, world
from .checks import OF_COMMANDS, Said
from .expected import PAGES, QUICK_START
from .pages import PAGES as FILES
from .pages import ROOT, name_of, read, samples
from .shell import RUNS, Run, filled, said_by

__all__ = ["localstripe"]

pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory, localstripe: str) -> Iterator[World]:
    """A server, and what stands beside it, for all pages."""
    with world(tmp_path_factory.mktemp("samples"), localstripe) as running:
        yield running


def test_no_block_is_left_out() -> None:
    """Each has its place in the table; what is a language of a program is run, or run by another test."""
    for page in map(name_of, FILES):
        found = samples(page)
        expected = PAGES[page].blocks if page in PAGES else []
        assert len(found) == len(expected), f"{page}: its row in expected.py has not one entry for each of its blocks"
        for sample, each in zip(found, expected, strict=True):
            where = f"{page}, line {sample.line}"
            assert sample.language, f"{where}: a block says its language, or is no block"
            assert not isinstance(each, Run) or sample.language in RUNS, where
            assert isinstance(each, Run) or sample.language not in RUNS or each in OF_COMMANDS, where


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_hold(page: str, around: World, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """One shell runs all that run; each prints what it is there to show."""
    wanted, found = PAGES[page], samples(page)
    if any(
        isinstance(each, Run) and sample.language == "ts" for sample, each in zip(found, wanted.blocks, strict=True)
    ):
        client: Path = request.getfixturevalue("typescript_client")
        (tmp_path / "node_modules").symlink_to(client / "node_modules")
    names = names_of(around)
    start = "".join(each.text for each in samples(QUICK_START)[1 : 1 + wanted.after])
    scripts = [
        filled(each.script(sample), wanted.names, names)
        for sample, each in zip(found, wanted.blocks, strict=True)
        if isinstance(each, Run)
    ]
    said = said_by(start + filled(wanted.before, {}, names), scripts, around, tmp_path)
    page_said, before = "".join(said), ""
    for sample, each in zip(found, wanted.blocks, strict=True):
        if isinstance(each, Run):
            before = said.pop(0)
            each.check(sample, before)
        else:
            each(sample.text, Said(before, page_said), around)


def names_of(around: World) -> dict[str, str]:
    """Return what is filled in for `{…}` of the table."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    return {
        "api": around.served.api,
        "certificate": str(around.certificate),
        "data": str(around.served.data_dir),
        "port": port,
        "program": around.program,
        "root": str(ROOT),
        "smtp": f"127.0.0.1 --smtp-port={around.served.smtp_port}",
        "submission": str(around.served.submission_port),
    }


def test_the_calls_that_are_compared_exist() -> None:
    """In the columns of ours; the clients of both languages have the same names, each in its own writing."""
    rows = re.findall(r"^\|.*\| (.*) \| (.*) \|$", read("docs/how-to/migrate-from-agentmail.md"), re.MULTILINE)
    calls = [call for row in rows for cell in row for call in re.findall(r"client\.(\w+)\.(\w+)\(", cell)]
    assert len(calls) >= 40
    client = DaimonClient(api_key="dm_free_none", base_url="http://127.0.0.1:9")
    for resource, method in calls:
        snake = re.sub(r"([A-Z])", r"_\1", method).lower()
        assert callable(getattr(getattr(client, resource), snake)), (resource, method)
