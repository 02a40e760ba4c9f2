"""What a call of each SDK costs beside the same by a bare HTTP client, and what importing the Python one costs.

The yardsticks are httpx and `fetch`, in the same run against the same server, round by round: with the key, the status
of the answer looked at, its JSON read.

    python -m benchmarks.sdk [--rounds 9] [--calls 200]
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import median, ratio, verdict
from benchmarks.serving import Serving, serving
from daimon_email import AsyncDaimonClient, DaimonClient

TARGET = 1.25
IMPORT_TARGET_MS = 120
INBOXES = 50
ROOT = Path(__file__).parents[1]
TYPESCRIPT = ROOT / "sdk" / "typescript"
Figures = dict[str, dict[str, list[float]]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    with serving() as server:
        key, inbox = asyncio.run(server.open_account())
        with DaimonClient(key, server.api) as client:
            for _ in range(INBOXES):
                client.inboxes.create()
        asked = (server, key, inbox, options.rounds, options.calls)
        show("Python", blocking(*asked))
        show("Python, asyncio", asyncio.run(asynchronous(*asked)))
        show("TypeScript", by_node(*asked))
    show_import()


def show(name: str, figures: Figures) -> None:
    """Print what each kind of call costs."""
    for call, took in figures.items():
        ours, theirs = median(took["ours"]) * 1e6, median(took["theirs"]) * 1e6
        stands = verdict(ratio(took["ours"], took["theirs"]), TARGET, at_least=False)
        print(f"{name:16} {call:7} {ours:6.0f} µs beside {theirs:6.0f} µs bare: {stands}")


def blocking(server: Serving, key: str, inbox: str, rounds: int, calls: int) -> Figures:
    """Measure DaimonClient beside httpx.Client."""
    headers = {"Authorization": f"Bearer {key}"}
    with DaimonClient(key, server.api) as ours, httpx.Client(base_url=server.api, headers=headers) as bare:

        def read(method: str, path: str, **more: Any) -> Any:
            return bare.request(method, path, **more).raise_for_status().json()["result"]

        ways: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "get": (lambda: ours.inboxes.get(inbox), lambda: read("GET", f"/v1/inboxes/{inbox}")),
            "list": (lambda: ours.inboxes.list(limit=50), lambda: read("GET", "/v1/inboxes", params={"limit": 50})),
            "update": (
                lambda: ours.inboxes.update(inbox, display_name="Ada"),
                lambda: read("PATCH", f"/v1/inboxes/{inbox}", json={"display_name": "Ada"}),
            ),
        }

        def seconds(call: Callable[[], Any]) -> float:
            began = time.perf_counter()
            for _ in range(calls):
                call()
            return (time.perf_counter() - began) / calls

        figures: Figures = {}
        for name, (own, their) in ways.items():
            seconds(own), seconds(their)
            took = [(seconds(own), seconds(their)) for _ in range(rounds)]
            figures[name] = {"ours": [each[0] for each in took], "theirs": [each[1] for each in took]}
        return figures


async def asynchronous(server: Serving, key: str, inbox: str, rounds: int, calls: int) -> Figures:
    """Measure AsyncDaimonClient beside httpx.AsyncClient."""
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        AsyncDaimonClient(key, server.api) as ours,
        httpx.AsyncClient(base_url=server.api, headers=headers) as bare,
    ):

        async def read() -> Any:
            return (await bare.get(f"/v1/inboxes/{inbox}")).raise_for_status().json()["result"]

        async def seconds(call: Callable[[], Awaitable[Any]]) -> float:
            began = time.perf_counter()
            for _ in range(calls):
                await call()
            return (time.perf_counter() - began) / calls

        def own() -> Awaitable[Any]:
            return ours.inboxes.get(inbox)

        await seconds(own)
        await seconds(read)
        took = [(await seconds(own), await seconds(read)) for _ in range(rounds)]
        return {"get": {"ours": [each[0] for each in took], "theirs": [each[1] for each in took]}}


def by_node(server: Serving, key: str, inbox: str, rounds: int, calls: int) -> Figures:
    """Measure the TypeScript client beside fetch. It is built if it was not yet."""
    built = TYPESCRIPT / "dist" / "esm" / "index.js"
    if not built.exists():
        for command in (["npm", "ci"], ["npm", "run", "build"]):
            subprocess.run(command, cwd=TYPESCRIPT, check=True, stdout=subprocess.DEVNULL)
    program = ROOT / "benchmarks" / "sdk_fetch.mjs"
    arguments = [str(built), server.api, key, inbox, str(rounds), str(calls)]
    done = subprocess.run(["node", program, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def show_import() -> None:
    """Print what importing costs in an environment that holds the client alone, over starting Python."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        python = f"{directory}/bin/python"
        install = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            str(ROOT / "sdk" / "python"),
        ]
        subprocess.run(install, check=True)

        def took(program: str) -> float:
            began = time.perf_counter()
            subprocess.run([python, "-c", program], check=True)
            return time.perf_counter() - began

        def over(program: str) -> float:
            took(program)
            return median([(took(program) - took("pass")) * 1000 for _ in range(11)])

        imported = over("from daimon_email import DaimonClient")
        httpx_alone, used = over("import httpx"), over("from daimon_email import DaimonClient; DaimonClient().inboxes")
    print(f"import {verdict(imported, IMPORT_TARGET_MS, at_least=False)} ms; until a client is ready {used:.0f} ms, "
          f"of which httpx takes {httpx_alone:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
