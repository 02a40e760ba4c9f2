"""Pods, keys, members, teams and what an account tells of itself, by the client against a whole server."""

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daimon_email import Forbidden, NoAnswer, NotFound, PodNotEmpty

from .conftest import Account, Connect
from .test_sending import paying


def test_a_pod_has_inboxes_threads_usage_and_a_key(account: Account, connect: Connect) -> None:
    """What is made with its key is in it; it goes with its inboxes when that is asked for."""
    pods = account.client.pods
    pod = pods.create("Customer", metadata={"a_b": 1}, limits={"max_inboxes": 2}, client_id="p-1")
    assert (pod.limits.max_inboxes, pod.limits.max_sends_per_day, pod.metadata) == (2, None, {"a_b": 1})
    assert pod.pod_api_key not in repr(pod)
    inbox = connect(pod.pod_api_key, account.served.api).inboxes.create()
    assert inbox.pod_id == pod.id
    assert [each.id for each in pods.inboxes(pod.id)] == [inbox.id]
    assert list(pods.threads(pod.id)) == []
    assert pods.usage(pod.id, by="inbox").totals.received == 0
    assert pods.update(pod.id, description="Ours", limits={"max_inboxes": None}).limits.max_inboxes is None
    assert pods.rotate_key(pod.id).pod_api_key != pod.pod_api_key
    with pytest.raises(PodNotEmpty):
        pods.delete(pod.id)
    assert pods.delete(pod.id, inboxes="delete").deleted


def test_a_key_is_narrow_and_ends(account: Account, connect: Connect) -> None:
    """With permissions, networks and an end; the secret is shown this once."""
    keys = account.client.keys
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    made = keys.create("account", permissions=["inboxes:read"], expires_at=until, allowed_networks=["127.0.0.0/8"])
    assert (made.permissions, made.expires_at) == (["inboxes:read"], until)
    narrow = connect(made.api_key, account.served.api)
    assert narrow.whoami().key_id == made.id
    with pytest.raises(Forbidden):
        narrow.inboxes.create()
    assert keys.rotate(made.id, grace_seconds=60).api_key != made.api_key
    assert keys.update(made.id, name="Reader", expires_at=None).expires_at is None
    assert keys.get(made.id).unused_permissions == []
    assert made.id in [each.id for each in keys.list(scope="account")]
    assert keys.report_leaked("dm_free_nobody").received
    assert keys.delete(made.id).deleted


def test_a_team_holds_members_and_grants(account: Account) -> None:
    """Grants are given as mappings, and may be those that an answer told."""
    client = account.client
    member = client.members.create("ada@example.com", name="Ada", grants=[{"role": "viewer"}])
    assert (member.grants[0].role, member.grants[0].pod_id) == ("viewer", None)
    team = client.teams.create("Support", grants=member.grants)
    assert client.teams.add_member(team.id, member.id).member_count == 1
    assert [each.name for each in client.members.get(member.id).teams] == ["Support"]
    assert client.teams.set_grants(team.id, []).grants == []
    assert client.teams.remove_member(team.id, member.id).member_count == 0
    assert client.members.invite(member.id).invitation_url not in repr(member)
    assert client.members.delete(member.id).deleted


def test_an_account_tells_of_itself(account: Account, tmp_path: Path) -> None:
    """Capabilities, usage, audit, the way to submit, and everything as an archive."""
    client = paying(account).client
    assert {each.action for each in client.account.capabilities().can}
    usage = client.usage.get(by="account")
    assert (usage.by, usage.totals.sent, usage.last_day >= usage.first_day) == ("account", 0, True)
    assert client.account.smtp().port == account.served.submission_port
    assert client.account.export()[:2] == b"PK"
    size = client.account.save_export(tmp_path / "all.zip")
    assert zipfile.is_zipfile(tmp_path / "all.zip")
    assert [(each.name, each.stat().st_size) for each in tmp_path.iterdir()] == [("all.zip", size)]
    client.inboxes.create()
    entries = list(client.audit.list(limit=1, inbox_id=None))
    assert len(entries) >= 1
    assert all(entry.actor.kind for entry in entries)
    assert client.server.healthz().status == "ok"
    assert client.server.openapi()["openapi"].startswith("3.")


def test_the_bill_is_looked_ahead_at_and_divided(account: Account) -> None:
    """A report is a page of lines that tells the whole, too; keys of `fixed` are ids."""
    billing = account.client.billing
    assert billing.get().tier == "free"
    assert billing.forecast().usage.sent.so_far == 0
    assert list(billing.invoices()) == []
    pod = account.client.pods.create("Customer")
    split = billing.set_splits(by="pod", method="fixed", fixed={pod.id: 100}, markups={pod.id: 5})
    assert (split.fixed, split.weights.sends >= 0) == ({pod.id: 100}, True)
    report = billing.splits_report(total_cents=1000)
    table = list(csv.DictReader(io.StringIO(billing.splits_report_csv(total_cents=1000))))
    assert [row["id"] for row in table] == [line.id for line in report]
    assert "Ada &amp; Co." in billing.splits_statement(id=pod.id, issuer="Ada & Co.")
    with pytest.raises(NotFound):
        billing.splits_statement(id="nobody")
    assert (report.total_cents, report.status, report.closed_at) == (1000, "open", None)
    assert sum(line.amount_cents for line in report) == 1000


def test_an_export_that_is_refused_leaves_no_file(account: Account, connect: Connect, tmp_path: Path) -> None:
    """It raises as any call does."""
    narrow = connect(account.first.inbox_api_key, account.served.api)
    with pytest.raises(Forbidden):
        narrow.account.save_export(tmp_path / "all.zip")
    with pytest.raises(NoAnswer):
        connect("dm_free_x", "http://127.0.0.1:1").account.save_export(tmp_path / "all.zip")
    assert list(tmp_path.iterdir()) == []


def test_an_attachment_is_downloaded(account: Account) -> None:
    """In one call, from wherever the client speaks to the server."""
    account.receive(file=b"%PDF-1.7")
    message = account.client.messages.wait(account.first.id, timeout=30)
    assert account.client.messages.download(account.first.id, message.id, message.attachments[0].id) == b"%PDF-1.7"
