"""`daimon serve` starts, survives what is killed under it, and stops cleanly."""

import asyncio
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from daimon.db.embedded import running_url
from serving import FREE_PORTS, Serving, command_of, daimon, is_running

Serve = Callable[..., Serving]


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.status


async def on_database(data_dir: Path, sql: str) -> object:
    connection = await asyncpg.connect(running_url(data_dir))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_the_first_start_makes_everything(prepared: Path) -> None:
    """An empty place becomes a data directory; what is in it is for its owner alone."""
    assert {"postgres", "postgresql.log", "secret_key"} <= {path.name for path in prepared.iterdir()}
    assert prepared.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in prepared.iterdir())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(serve: Serve, data_dir: Path, how: signal.Signals) -> None:
    """Every process ends, the database by a clean shutdown, and the exit code is 0."""
    server = serve(data_dir).ready()
    family = server.family()
    assert server.end(how) == 0
    assert not any(map(is_running, family))
    assert not (data_dir / "postgres/postmaster.pid").exists()
    assert "database system is shut down" in (data_dir / "postgresql.log").read_text().splitlines()[-1]


def test_a_second_signal_does_not_wait(serve: Serve, data_dir: Path) -> None:
    """A role that will not end is killed at the second Ctrl-C, and the database still shuts down."""
    server = serve(data_dir, *FREE_PORTS, "--workers=2").ready()
    commands = [command_of(pid) for pid in server.family()]
    assert [sum(f"_role {role}" in each for each in commands) for role in ("api", "smtp", "worker")] == [1, 1, 2]
    os.kill(server.role("worker"), signal.SIGSTOP)
    server.process.send_signal(signal.SIGINT)
    server.await_line("stopping")
    assert server.end(signal.SIGINT) == 0
    assert not (data_dir / "postgres/postmaster.pid").exists()


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make a directory that others cannot enter and yet serve it"
)
def test_serves_from_a_directory_that_others_cannot_enter(serve: Serve, prepared: Path, tmp_path: Path) -> None:
    """PostgreSQL's user, who has no account, reaches its files though it may not walk the path to them."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", prepared, closed / "data"], check=True)
    server = serve(closed / "data").ready()
    assert status(f"{server.api}/readyz") == 200
    assert Path(f"/proc/{server.postgres}").stat().st_uid not in {0, *(entry.pw_uid for entry in pwd.getpwall())}


def test_recovers_after_the_supervisor_is_killed(serve: Serve, data_dir: Path) -> None:
    """Its children die with it; the next start, at once and on the same ports, finds all that was committed."""
    first = serve(data_dir).ready()
    asyncio.run(on_database(data_dir, "create table kept as select 42 as answer"))
    family = first.family()
    first.process.kill()
    second = serve(data_dir, f"--http-port={first.api.rpartition(':')[2]}", f"--smtp-port={first.smtp_port}").ready()
    assert status(f"{second.api}/readyz") == 200
    assert asyncio.run(on_database(data_dir, "select answer from kept")) == 42
    first.finish()
    assert not any(map(is_running, family))


def test_starts_postgres_again_when_it_is_killed(running: Serving) -> None:
    """The database comes back by itself, with all that was committed, under roles that go on."""
    asyncio.run(on_database(running.data_dir, "create table kept as select 42 as answer"))
    api, postgres = running.role("api"), running.postgres
    os.kill(postgres, signal.SIGKILL)
    running.await_line("PostgreSQL ended; starting it again")
    running.await_line("PostgreSQL is back")
    assert asyncio.run(on_database(running.data_dir, "select answer from kept")) == 42
    assert running.postgres != postgres
    assert running.role("api") == api


@pytest.mark.parametrize("role", ["api", "smtp", "worker"])
def test_starts_a_role_again_when_it_is_killed(running: Serving, role: str) -> None:
    """The listening socket outlives the process, so a client only waits."""
    before = running.role(role)
    os.kill(before, signal.SIGKILL)
    running.await_line(rf"the {role} process {before} ended \(killed by SIGKILL\); starting it again")
    assert status(f"{running.api}/healthz") == 200
    with socket.create_connection(("127.0.0.1", running.smtp_port), timeout=30) as client:
        assert client.recv(512).startswith(b"220")


def test_standard_output_is_the_welcome_alone(serve: Serve, data_dir: Path) -> None:
    """A program may wait for it; requests, deaths and the stop are told on standard error."""
    server = serve(data_dir).ready()
    assert status(f"{server.api}/readyz") == 200
    assert server.end() == 0
    lines = server.welcome.splitlines()
    assert re.match(r"daimon \d", lines[0])
    assert lines[-1].startswith("Ready after")
    for logged in ('"route":"/readyz"', "daimon: stopping"):
        assert logged in server.output
        assert logged not in server.welcome


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_a_welcome_that_nobody_can_read_costs_nothing(redirection: str) -> None:
    """Neither the server nor its exit code."""
    script = f"""{sys.executable} -c 'from daimon.supervisor import server; server.greet("hello")' {redirection}"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_lines_to_paste_work(running: Serving) -> None:
    """Create an inbox, send it a mail, read it: as printed, in a shell."""
    create, send, read = re.findall(r"^  ((?:ANSWER=|curl|\S+/daimon ).*)$", running.output, re.MULTILINE)
    script = f"set -e\n{create}\n{send}\nuntil {read} | grep 'verification code'; do :; done"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done
    assert re.search(r"Accepted: '\d{6} is your Acme verification code'", done.stdout)


def test_one_role_runs_over_a_database_elsewhere(serve: Serve, database_url: str, tmp_path: Path) -> None:
    """It prints only what it serves, and touches no data directory."""
    variables = {"DAIMON_DATABASE_URL": database_url, "DAIMON_SECRET_KEY": "k" * 32}
    server = serve(tmp_path / "data", "--role=api", "--http-port=0", **variables).ready()
    assert status(f"{server.api}/readyz") == 200
    assert "SMTP" not in server.output
    assert "_role api" in " ".join(command_of(pid) for pid in server.family())
    assert len(server.family()) == 2
    assert server.end() == 0
    assert not server.data_dir.exists()


def test_the_demo_mail_says_when_there_is_no_server() -> None:
    """One line, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = daimon("demo", "mail", "joe@daimon.email", f"--smtp-port={port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"daimon: no SMTP server at 127.0.0.1:{port}: Connection refused\n"
