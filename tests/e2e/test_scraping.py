"""What Prometheus finds at a server that runs."""

import os
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from daimon.supervisor import metrics
from serving import FREE_PORTS, Serving, daimon

assert metrics  # knows what all roles count


def scraped(server: Serving) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and label values."""
    with urllib.request.urlopen(server.metrics, timeout=30) as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = text_string_to_metric_families(answer.read().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def settled(server: Serving) -> dict[tuple[str, ...], float]:
    """Return the samples once a mail is shown, its sender's connection has ended and the queue is empty.

    The three are not counted in one moment: a scrape may see a mail as shown and, read just before, still queued.
    """
    deadline = time.monotonic() + 30
    while True:
        found = scraped(server)
        left = [found["daimon_smtp_connections",], found["daimon_inbound_queue_mails",]]
        if found["daimon_inbound_shown_total",] and left == [0, 0]:
            return found
        assert time.monotonic() < deadline, (found["daimon_inbound_shown_total",], left)
        time.sleep(0.02)


def test_every_role_is_counted_across_its_deaths(serve: Callable[..., Serving], data_dir: Path) -> None:
    """Requests, mails and commits of all processes; one that is killed and started again counts on."""
    server = serve(data_dir, *FREE_PORTS, "--api-processes=2", "--log-level=error").ready()
    before = scraped(server)
    for _ in range(5):
        urllib.request.urlopen(f"{server.api}/healthz", timeout=30).close()
    sent = daimon("demo", "mail", "postmaster@daimon.email", f"--smtp-port={server.smtp_port}")
    assert sent.returncode == 0
    after = settled(server)
    healthy = ("daimon_http_requests_total", "GET", "/healthz", "200")
    assert after[healthy] == before.get(healthy, 0) + 5
    assert after["daimon_http_request_seconds_count", "GET", "/healthz"] == after[healthy]
    for one in (
        "smtp_mails_accepted_total",
        "accept_commit_mails_count",
        "accept_commit_mails_sum",
        "inbound_shown_total",
    ):
        assert after[f"daimon_{one}",] == 1
    for none in ("inbound_parked_total", "inbound_parked_mails"):
        assert after[f"daimon_{none}",] == 0

    smtp = server.role("smtp")
    os.kill(smtp, signal.SIGKILL)
    server.await_line("starting it again")
    assert daimon("demo", "mail", "abuse@daimon.email", f"--smtp-port={server.smtp_port}").returncode == 0
    end = scraped(server)
    assert end["daimon_smtp_mails_accepted_total",] == 2
    assert end["daimon_process_deaths_total", "smtp"] == 1
