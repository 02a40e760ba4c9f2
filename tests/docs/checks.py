"""What is checked of blocks that are no commands: answers, records, settings, a unit, pictures.

Each is given the block, what the page's samples printed, and the world of the page.
"""

import asyncio
import json
import re
import shlex
import ssl
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import dns.zone
import httpx2
import jsonschema
import pytest
from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import peer_tools
from e2e.serving import daimon

from .beside import World, nginx
from .pages import ROOT, read, samples
from .readme_commands import blocks
from .shell import shape


class Said(NamedTuple):
    """What the sample before a block printed, and all samples of the page."""

    before: str
    page: str


Check = Callable[[str, Said, World], None]


def printed(block: str, said: Said, _: World) -> None:
    """The sample before it printed this."""
    for line in block.splitlines():
        assert re.search(shape(line), said.before, re.MULTILINE), f"no {line!r} in\n{said.before}"


def the_answer(block: str, said: Said, _: World) -> None:
    """The sample before it was answered by this."""
    assert json.loads(block) == json.loads(said.before)


def valid(schema: str, *path: str) -> Check:
    """Return a check that JSON, or what is at a path in it, is of a schema of the API, with no field unknown to it."""

    def check(block: str, _: Said, __: World) -> None:
        value = json.loads(block)
        for name in path:
            value = value[name]
        jsonschema.validate(value, _openapi() | {"$ref": f"#/components/schemas/{schema}"})
        assert set(value) <= set(_openapi()["components"]["schemas"][schema]["properties"])

    return check


@cache
def _openapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(read("openapi.json"))
    return {"components": document["components"]}


def mcp_by_command(block: str, said: Said, world: World) -> None:
    """A client starts this, and the key in it may do what the tools say."""
    [server] = json.loads(block)["mcpServers"].values()
    assert server["command"] == "daimon"
    assert set(server["env"]) == {"DAIMON_BASE_URL", "DAIMON_API_KEY"}
    command = str(ROOT / ".venv/bin/daimon")
    env = {"DAIMON_BASE_URL": world.served.api, "DAIMON_API_KEY": said.before.strip()}

    async def tools() -> set[str]:
        parameters = StdioServerParameters(command=command, args=server["args"], env=env)
        async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            return {tool.name for tool in (await session.list_tools()).tools}

    assert "wait_for_email" in asyncio.run(tools())


def mcp_by_url(block: str, said: Said, world: World) -> None:
    """The path and header are those that the server takes."""
    [server] = json.loads(block)["mcpServers"].values()
    url = server["url"].replace("https://mail.example.com", world.served.api)
    headers = {name: value.replace("dm_live_…", said.before.strip()) for name, value in server["headers"].items()}

    async def tools() -> set[str]:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            streamable_http_client(url, http_client=http) as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return {tool.name for tool in (await session.list_tools()).tools}

    assert "wait_for_email" in asyncio.run(tools())


def settings(block: str, _: Said, world: World) -> None:
    """The server takes each of these settings; a certificate is there."""
    installed = re.sub(r"=/.+\.pem$", f"={world.certificate}", block, flags=re.MULTILINE)
    given = dict(line.split("=", 1) for line in installed.splitlines())
    told = daimon("config", **given)
    assert told.returncode == 0, told.stderr
    for name, value in given.items():
        assert f"\n{name}={value}" in told.stdout, told.stdout


def zone(block: str, _: Said, __: World) -> None:
    """It is DNS, and leads to the names that the settings below it say."""
    page = samples("docs/how-to/receive-mail.md")
    given = dict(line.split("=", 1) for each in page if each.language == "ini" for line in each.text.splitlines())
    domain, host = f"{given['DAIMON_SERVICE_DOMAIN']}.", f"{given['DAIMON_SMTP_HOSTNAME']}."
    held = dns.zone.from_text(f"$TTL 300\n{block}", domain, relativize=False, check_origin=False)
    [exchange] = held.find_rdataset(domain, "MX")
    assert exchange.exchange.to_text() == host
    assert list(held.find_rdataset(host, "A"))


def unit(block: str, _: Said, world: World) -> None:
    """systemd knows each line of it; the program and its directory are those of this repository."""
    installed = block.replace("/opt/daimon", str(ROOT))
    assert installed != block
    [name] = re.findall(r"^# /etc/systemd/system/(\S+)$", block, re.MULTILINE)
    file = world.served.data_dir.parent / name
    file.write_text(installed, "utf-8")
    done = subprocess.run(
        [peer_tools.program("systemd-analyze"), "verify", "--man=no", file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, str(file) in done.stderr) == (0, False), done.stderr


def installed(block: str, _: Said, __: World) -> None:
    """The user is that of the unit, and its home the data directory; the target is one of the Makefile."""
    page = read("docs/how-to/run-in-production.md")
    user, make, start = (shlex.split(line) for line in block.splitlines())
    assert f"User={user[-1]}\n" in page
    assert f"DAIMON_DATA_DIR={user[user.index('--home-dir') + 1]}`" in page
    assert make[:3] == ["make", "-C", "/opt/daimon"]
    subprocess.run(["make", "--dry-run", make[3]], cwd=ROOT, check=True, capture_output=True, timeout=60)
    assert f"/etc/systemd/system/{start[-1]}.service" in page


def proxy(block: str, _: Said, world: World) -> None:
    """Nginx takes it, and lets through what it says: large bodies, WebSockets, the client's address."""
    with nginx(block, world.served.api, world.certificate, world.served.data_dir.parent) as address:
        context = ssl.create_default_context(cafile=str(world.certificate))
        with httpx2.Client(base_url=f"https://{address}", verify=context, timeout=60) as http:
            assert http.get("/healthz").json()["result"] == {"status": "ok"}
            large = http.post("/v1/inboxes", content=b" " * (2 << 20), headers={"content-type": "application/json"})
            assert large.json()["error"] == "PAYLOAD_TOO_LARGE"
        with pytest.raises(InvalidStatus) as refused, connect(f"wss://{address}/v1/stream", ssl=context):
            pass
        assert json.loads(refused.value.response.body)["error"] == "AUTHENTICATION_REQUIRED"


def run_from_a_clone(block: str, _: Said, __: World) -> None:
    """`.ci/run` runs it in a fresh clone, by the mark above it in README.md."""
    assert block in [each.text for each in blocks(read("README.md")) if each.mark]
    assert "readme_commands.py" in read(".ci/run")


def run_by_ci(block: str, _: Said, __: World) -> None:
    """It is the last thing that `.ci/run` does, and would run itself here."""
    assert re.search(rf"{re.escape(block.strip())}$", read(".ci/run"), re.MULTILINE)


def benchmarks(block: str, _: Said, __: World) -> None:
    """Each is a program that can be loaded. To run them takes an hour and machines with nothing else to do."""
    modules = []
    for line in block.splitlines():
        program, flag, module, *more = shlex.split(line, comments=True)
        assert (program, flag, more) == (".venv/bin/python", "-m", [])
        assert '\nif __name__ == "__main__":\n' in read(f"{module.replace('.', '/')}.py")
        modules.append(module)
    subprocess.run([sys.executable, "-c", f"import {', '.join(modules)}"], cwd=ROOT, check=True, timeout=60)


def layout(block: str, _: Said, __: World) -> None:
    """Every directory and file that is named is there, and every package of the server is named."""
    inside = Path("src/daimon")
    for package in (ROOT / inside).glob("*/__init__.py"):
        assert f" {package.parent.name}/" in block, package.parent.name
    for line in block.splitlines()[1:]:
        here = inside if line.startswith("  ") else Path()
        for name in re.findall(r"(?<!\S)[\w./]+(?:/|\.py)(?!\S)", line):
            assert (ROOT / here / name).exists(), name


def tables(block: str, _: Said, __: World) -> None:
    """The tables in the picture are those of the database."""
    schema = "".join(file.read_text("utf-8") for file in (ROOT / "src/daimon/db/migrations").glob("*.sql"))
    named = re.findall(r"\b[a-z]+_[a-z]+\b", block)
    assert named
    assert all(f"create table {name} (" in schema for name in named), named


def addresses(block: str, said: Said, _: World) -> None:
    """The inboxes in the picture are made on the page."""
    named = re.findall(r"\S+@\S+", block)
    assert named
    assert all(address in said.page for address in named), named


def run_for_all(block: str, _: Said, __: World) -> None:
    """The fixture `typescript_client` ran it, once for all tests that need the client."""
    assert "npm ci" in block
    assert 'if "npm ci" in sample.text' in read("tests/npm.py")


def run_by_npm(block: str, _: Said, __: World) -> None:
    """`npm test` of the client runs it."""
    program = read("sdk/typescript/test/samples.test.mjs")
    assert "new URL('../README.md', import.meta.url)" in program
    assert f"```ts\n{block}```" in read("sdk/typescript/README.md")


# The checks of commands, which else must run here.
OF_COMMANDS = {run_from_a_clone, run_by_ci, run_by_npm, run_for_all, benchmarks}
