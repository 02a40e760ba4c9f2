"""What an operator sees and does from the command line while the server runs."""

import json
from pathlib import Path

import asyncpg

from serving import Serving, daimon, refusal

PARKED = """
insert into inbound_parked (account_id, id, mail_from, recipients, peer_ip, helo, tls, size, received_at, attempts,
                            slow, error, parked_at)
values (gen_random_uuid(), '0192f3a0-0000-7000-8000-000000000001', 'a@example.org', '{}', '127.0.0.1', 'x', false,
        12, '2026-03-16 10:30:00Z', 5, false, 'ValueError: odd', '2026-03-16 10:31:00Z')
"""
ID = "msg_0192f3a0000070008000000000000001"


async def test_lists_and_retries_parked_mails(database_url: str) -> None:
    """A mail that a step fails on is shown with its error, and tried again when asked."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(PARKED)
        [shown] = json.loads(daimon("inbound", "parked", "--json", DAIMON_DATABASE_URL=database_url).stdout)
        assert (shown["id"], shown["error"], shown["not_before"]) == (ID, "ValueError: odd", None)
        assert "ValueError: odd" in daimon("inbound", "parked", DAIMON_DATABASE_URL=database_url).stdout
        assert daimon("inbound", "retry", ID, DAIMON_DATABASE_URL=database_url).returncode == 0
        assert await connection.fetchval("select not_before <= now() from inbound_parked")
    finally:
        await connection.close()


def test_retrying_what_is_not_parked(database_url: str) -> None:
    """One line; the same for an id that never was one."""
    unknown = ID[:-1] + "2"
    assert refusal("inbound", "retry", unknown, DAIMON_DATABASE_URL=database_url) == f"no parked mail {unknown}"
    assert refusal("inbound", "retry", "x", DAIMON_DATABASE_URL=database_url) == "no parked mail x"


def test_finds_the_embedded_database(running: Serving) -> None:
    """The command line needs only the data directory of the server that runs."""
    assert daimon("inbound", "parked", f"--data-dir={running.data_dir}").stdout == "No mail is parked.\n"


def test_says_when_no_server_runs(tmp_path: Path) -> None:
    """The line says what to do."""
    line = refusal("inbound", "parked", f"--data-dir={tmp_path}")
    assert line == f"no server runs over {tmp_path}: start it, or set DAIMON_DATABASE_URL"
