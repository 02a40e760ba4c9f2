"""What an operator sees and does from the command line while the server runs."""

import json
import subprocess
import urllib.error
import urllib.request
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


def test_the_operator_reads_mail_to_abuse(running: Serving) -> None:
    """The line that is printed lists it; a second key voids the first."""
    flags = (f"--data-dir={running.data_dir}", f"--public-url={running.api}")
    sent = daimon("demo", "mail", "abuse@daimon.email", "--subject=Spam from you", f"--smtp-port={running.smtp_port}")
    assert sent.returncode == 0
    said = daimon("operator", "key", *flags).stdout
    key, line = said.splitlines()[2].strip(), said.splitlines()[-1].strip()
    script = f"until {line} | grep 'Spam from you'; do :; done"
    subprocess.run(["bash", "-c", script], capture_output=True, timeout=30, check=True)

    fresh = json.loads(daimon("operator", "key", "--json", *flags).stdout)
    assert fresh["email"] == "postmaster@daimon.email"
    assert status(fresh["messages_url"], fresh["inbox_api_key"]) == 200
    while status(fresh["messages_url"], key) == 200:  # remembered for less than a second
        pass
    assert status(fresh["messages_url"], key) == 401


def status(url: str, key: str) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_an_operator_key_before_the_first_start(tmp_path: Path, database_url: str, empty_database_url: str) -> None:
    """One line, whatever is missing: the server, its tables or its inbox."""
    line = refusal("operator", "key", f"--data-dir={tmp_path}")
    assert line == f"no server runs over {tmp_path}: start it, or set DAIMON_DATABASE_URL"
    for url in (database_url, empty_database_url):
        line = refusal("operator", "key", DAIMON_DATABASE_URL=url)
        assert line == "there is no postmaster@daimon.email: the first start of the server makes it"
