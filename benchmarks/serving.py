"""A `daimon serve` of the benchmark's own, and what is needed to put load on it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from daimon.db.embedded import running_url

WORK = Path("/var/tmp")  # a real disk: /tmp may be memory, which would make every fsync free


@dataclass(frozen=True)
class Serving:
    """A server that answers."""

    api: str
    http_port: int
    smtp_port: int
    data_dir: Path
    process: "subprocess.Popen[bytes]"

    def post(self, path: str, body: object = None, key: str | None = None) -> dict[str, object]:
        """Call the API and return the result."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = urllib.request.Request(self.api + path, json.dumps(body or {}).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["result"]

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Connect to the server's database."""
        return await asyncpg.connect(running_url(self.data_dir))

    async def open_account(self, tier: str = "enterprise") -> tuple[str, str]:
        """Open an account without limits; return its key and its first inbox's address."""
        made = self.post("/v1/inboxes")
        connection = await self.connect()
        await connection.execute(
            "update accounts set tier = $1 where account_id = (select account_id from inboxes where id = $2)",
            tier, str(made["id"]).split("_")[1],
        )  # fmt: skip
        await connection.close()
        return str(made["account_api_key"]), str(made["email"])


@contextmanager
def serving(*flags: str) -> Iterator[Serving]:
    """Run `daimon serve` on free ports in a directory of its own."""
    directory = Path(tempfile.mkdtemp(prefix="daimon-benchmark-", dir=WORK))
    command = [sys.executable, "-m", "daimon", "serve", "--data-dir", str(directory / "data"), "--http-port", "0"]
    command += [
        "--smtp-port",
        "0",
        "--submission-port",
        "0",
        "--metrics-port",
        "0",
        "--free-creates-per-hour",
        "0",
        "--log-level",
        "warning",
    ]
    command += ["--smtp-max-connections-per-ip", "1000", *flags]
    log = directory / "serve.log"
    with open(log, "w") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield _when_ready(process, log, directory / "data")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


def _when_ready(process: "subprocess.Popen[bytes]", log: Path, data_dir: Path) -> Serving:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        shown = log.read_text()
        if "Ready after" in shown:
            http, smtp = re.search(r"http://[\d.]+:(\d+)", shown), re.search(r"SMTP\s+\S+:(\d+)", shown)
            assert http
            assert smtp
            return Serving(http[0], int(http[1]), int(smtp[1]), data_dir, process)
        time.sleep(0.05)
    raise RuntimeError(f"daimon serve did not start:\n{log.read_text()}")


@contextmanager
def beside(module: str, *arguments: str, answers: str) -> Iterator[str]:
    """Run another HTTP server on a free port, which it takes as its last argument, until the block ends.

    Yields its URL once `answers`, a path, is answered.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", module, *arguments, str(port)]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent)
    url = f"http://127.0.0.1:{port}"
    try:
        _await(url + answers)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _await(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers at {url}")


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    below = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [pid, *(each for child in below for each in tree(int(child)))]


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU time that processes have used so far."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def command_of(pid: int) -> str:
    """Return the command line of a process, empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
