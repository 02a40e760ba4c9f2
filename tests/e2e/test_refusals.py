"""What the server cannot work with gets one clear line, an exit code that says so, and is left as it was."""

import asyncio
import hashlib
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from daimon.db import cluster
from daimon.db.embedded import EmbeddedPostgres
from daimon.db.errors import ClusterUnusable
from serving import FREE_PORTS, Serving, daimon, refusal

Mount = Callable[[int], Path]


def fingerprint(directory: Path) -> dict[str, str]:
    """What is in a cluster."""
    files = sorted(path for path in (directory / "postgres").rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


@pytest.mark.parametrize("flag", ["http-port", "smtp-port", "submission-port", "metrics-port"])
def test_a_taken_port(tmp_path: Path, taken_port: int, flag: str) -> None:
    """The line names the address and the setting; no database was made."""
    line = refusal("serve", f"--data-dir={tmp_path}/data", *FREE_PORTS, f"--{flag}={taken_port}")
    variable = "DAIMON_" + flag.upper().replace("-", "_")
    assert line == f"cannot listen on 127.0.0.1:{taken_port}: another program listens there (set {variable})"
    assert not (tmp_path / "data/postgres").exists()


def test_a_data_directory_in_use(running: Serving) -> None:
    """The second server names the first, which goes on."""
    line = refusal("serve", f"--data-dir={running.data_dir}", *FREE_PORTS)
    assert line == f"{running.data_dir} is in use by another server (process {running.process.pid})"
    assert running.process.poll() is None


def test_a_data_directory_that_cannot_be(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "file").touch()
    line = refusal("serve", f"--data-dir={tmp_path}/file/data", *FREE_PORTS)
    assert line == f"cannot use the data directory {tmp_path}/file/data: Not a directory"


def test_a_read_only_disk(small_disk: Mount, prepared: Path) -> None:
    """Nothing is tried on it."""
    disk = small_disk(200)
    subprocess.run(["cp", "-a", prepared, disk / "data"], check=True)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    line = refusal("serve", f"--data-dir={disk}/data", *FREE_PORTS)
    assert line == f"cannot use the data directory {disk}/data: Read-only file system"


def test_a_disk_too_small_for_a_first_start(small_disk: Mount) -> None:
    """Nothing is begun that could not be finished."""
    disk = small_disk(40)
    line = refusal("serve", f"--data-dir={disk}/data", *FREE_PORTS)
    assert line == f"the disk of {disk}/data is full: 39 MiB free, 128 needed"


def test_a_disk_that_fills_while_the_database_is_made(small_disk: Mount) -> None:
    """Half a cluster is not left behind to be taken for a whole one."""
    disk = small_disk(20)
    with pytest.raises(ClusterUnusable, match="No space left on device"):
        cluster.make(disk / "postgres", durable=False)
    assert list(disk.iterdir()) == []


def test_a_full_disk(small_disk: Mount, prepared: Path) -> None:
    """The database is not even started, and is as it was; with room again, it starts."""
    disk = small_disk(200)
    subprocess.run(["cp", "-a", prepared, disk / "data"], check=True)
    before = fingerprint(disk / "data")
    ballast = disk / "ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=1M"], check=False, capture_output=True)
    line = refusal("serve", f"--data-dir={disk}/data", *FREE_PORTS)
    assert "No space left on device" in line or "is full" in line
    assert fingerprint(disk / "data") == before
    ballast.unlink()
    server = EmbeddedPostgres(disk / "data")
    server.start()
    server.stop()


def test_a_database_newer_than_the_code(data_dir: Path) -> None:
    """Nothing is changed, and the server that was started for the question is stopped."""
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    asyncio.run(execute(postgres.url, "insert into schema_migrations values (9999, 'later', 'x')"))
    postgres.stop()
    line = refusal("serve", f"--data-dir={data_dir}", *FREE_PORTS)
    assert line.startswith("the database is newer than this daimon: its schema is 9999")
    assert not (data_dir / "postgres/postmaster.pid").exists()


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def test_a_cluster_without_its_version(data_dir: Path) -> None:
    """It is not taken for an empty place and made anew."""
    (data_dir / "postgres/PG_VERSION").unlink()
    line = refusal("serve", f"--data-dir={data_dir}", *FREE_PORTS)
    assert "is not a database of PostgreSQL (PG_VERSION is missing or damaged)" in line
    assert (data_dir / "postgres/base").exists()


def test_a_cluster_of_another_version(data_dir: Path) -> None:
    """The line names the version that is needed and those that are there."""
    (data_dir / "postgres/PG_VERSION").write_text("99\n")
    line = refusal("serve", f"--data-dir={data_dir}", *FREE_PORTS)
    assert line.startswith("the database was made by PostgreSQL 99, but only 18.")


def test_a_damaged_cluster(data_dir: Path) -> None:
    """PostgreSQL's own word, and where to read more."""
    (data_dir / "postgres/global/pg_control").write_bytes(b"\0" * 8192)
    line = refusal("serve", f"--data-dir={data_dir}", *FREE_PORTS)
    assert line.startswith("PostgreSQL does not start: ")
    assert line.endswith(f"(see {data_dir}/postgresql.log)")


def test_a_lost_secret_key(data_dir: Path) -> None:
    """A new one would make what was sealed unreadable for ever."""
    (data_dir / "secret_key").unlink()
    line = refusal("serve", f"--data-dir={data_dir}", *FREE_PORTS)
    assert line.startswith(f"{data_dir}/secret_key is missing")
    assert not (data_dir / "secret_key").exists()


def test_one_role_without_a_database() -> None:
    """The embedded database serves all roles on one machine, or none."""
    assert refusal("serve", "--role=api").startswith("one role alone needs DAIMON_DATABASE_URL")


def test_a_database_without_a_secret_key() -> None:
    """Every process needs the same key."""
    line = refusal("serve", DAIMON_DATABASE_URL="postgresql:///mail")
    assert line == "DAIMON_DATABASE_URL needs DAIMON_SECRET_KEY, the same for every process"


def test_a_database_that_is_not_there(taken_port: int) -> None:
    """The line does not repeat the password."""
    url = "postgresql://joe:hush@127.0.0.1:1/mail"
    line = refusal("serve", *FREE_PORTS, DAIMON_DATABASE_URL=url, DAIMON_SECRET_KEY="k" * 32)
    assert line.startswith("cannot use the database postgresql://joe:***@127.0.0.1:1/mail: ")
    assert "hush" not in line


def test_an_unknown_variable() -> None:
    """It would otherwise be silently without effect."""
    assert refusal("serve", DAIMON_HTP_PORT="80") == "DAIMON_HTP_PORT is not a setting; did you mean DAIMON_HTTP_PORT?"


def test_a_port_out_of_range() -> None:
    """The line says what would do."""
    line = refusal("config", "--http-port=99999")
    assert line == "--http-port: '99999' does not do: give a whole number from 0 to 65535"


def test_the_configuration_shows_origins_and_no_secrets(tmp_path: Path) -> None:
    """What is in force, where it came from, and nothing that must not be seen."""
    done = daimon(
        "config",
        "--http-port=81",
        DAIMON_SMTP_PORT="26",
        DAIMON_SECRET_KEY="h" * 32,
        DAIMON_STRIPE_SECRET_KEY="hush",
        DAIMON_STRIPE_WEBHOOK_SECRET="hush",
    )
    lines = done.stdout.splitlines()
    assert "DAIMON_HTTP_PORT=81  # --http-port" in lines
    assert "DAIMON_SMTP_PORT=26  # DAIMON_SMTP_PORT" in lines
    assert "DAIMON_METRICS_PORT=9464  # default" in lines
    assert "DAIMON_SECRET_KEY=***  # DAIMON_SECRET_KEY" in lines
    assert "hhhh" not in done.stdout
    assert "hush" not in done.stdout
