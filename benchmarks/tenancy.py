"""What tenancy costs: a request with its key, permission and walls against one without, and a full account.

The first part compares the server with an API process that lacks all three, in turn, on the same database; and a
thousand accounts in turn, the worst case for what a connection remembers, with one of them. The second fills
one account with keys, pods and inboxes and compares CPU time a request with the small account's.
"""

import argparse
import asyncio
import json
from dataclasses import dataclass
from typing import Any

from benchmarks import http_load
from benchmarks.figures import median, ratio, verdict
from benchmarks.growth import Cost, report, yardstick
from benchmarks.http_load import turns_per_second
from benchmarks.serving import Serving, beside, cpu_seconds, serving, tree
from daimon.db.embedded import running_url
from daimon.keys import secret
from daimon.keys.secret import digest

KEEPS = 1 / 1.15  # of the rate without tenancy

_FILL = """
with pod as (
    insert into pods (account_id, id, name, created_at, updated_at)
    select $1, gen_random_uuid(), 'grown', now(), now() from generate_series(1, $2::int) returning account_id, id
), place as (
    insert into quotas (account_id, pod_id, quota, used) select account_id, id, 'inboxes', $4::int from pod
), made as (
    insert into inboxes (account_id, id, pod_id, username, domain, status, created_at, updated_at)
    select $1, gen_random_uuid(), pod.id, 'grown-' || left(pod.id::text, 18) || '-' || n, 'daimon.email', 'active',
           now(), now()
    from pod, generate_series(1, $4::int) n returning account_id, id, pod_id, username, domain
), counted as (
    update quotas set used = used + $2 * $4::int
    where account_id = $1 and pod_id = '00000000-0000-0000-0000-000000000000' and quota = 'inboxes'
), metered as (
    insert into usage_days (account_id, day, pod_id, inbox_id, received)
    select account_id, current_date, pod_id, id, 1 from made where username like '%-1'
), key as (
    insert into keys (account_id, id, scope, pod_id, prefix, created_at)
    select account_id, gen_random_uuid(), 'pod', id, 'dm_live_grown', now() from pod, generate_series(1, $3::int)
    returning account_id, id
), secrets as (
    insert into key_secrets (hash, account_id, key_id) select sha256(uuid_send(id)), account_id, id from key
)
insert into addresses (address, account_id, inbox_id, status)
select username || '@' || domain, account_id, id, 'active' from made
"""
_ACCOUNTS = """
with made as (
    insert into accounts (account_id, tier, status, created_at)
    select id, 'free', 'active', now() from unnest($1::uuid[]) id
), key as (
    insert into keys (account_id, id, scope, prefix, created_at)
    select id, id, 'account', 'dm_free_grown', now() from unnest($1::uuid[]) id
), inbox as (
    insert into inboxes (account_id, id, username, domain, status, created_at, updated_at)
    select id, id, 'acc-' || left(id::text, 23), 'daimon.email', 'active', now(), now() from unnest($1::uuid[]) id
)
insert into key_secrets (hash, account_id, key_id) select * from unnest($2::bytea[], $1::uuid[], $1::uuid[])
"""


def main() -> None:
    """Print both parts."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--accounts", type=int, default=1000)
    arguments.add_argument("--pods", type=int, default=10_000)
    arguments.add_argument("--inboxes-a-pod", type=int, default=100)
    arguments.add_argument("--keys-a-pod", type=int, default=10)
    options = arguments.parse_args()
    http_load.install()
    with serving() as ours:
        key, address = asyncio.run(ours.open_account())
        for _ in range(60):
            ours.post("/v1/inboxes", key=key)
        keys = asyncio.run(_open_accounts(ours, options.accounts))
        with beside("benchmarks.open_api", running_url(ours.data_dir), key, answers="/healthz") as bare:
            _compare(ours, bare, "get, one key", f"/v1/inboxes/{address}", [key], options)
            _compare(ours, bare, "list of 50, one key", "/v1/inboxes", [key], options)
            _compare(ours, bare, "create, one key", "/v1/inboxes", [key], options, method="POST", bodies=("{}",))
        _compare_accounts(ours, keys, options)
        _grow(ours, key, options)


def _compare_accounts(ours: Serving, keys: list[str], options: argparse.Namespace) -> None:
    """Compare the worst case for what keys and connections remember with the best: many accounts with one of them."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(options.rounds):
        for sent, found in ((keys, rates[0]), (keys[:1], rates[1])):
            found.append(turns_per_second(ours.api + "/v1/inboxes?limit=1", keys=sent, seconds=options.seconds))
    figure = verdict(ratio(*rates), KEEPS)
    many, one = median(rates[0]), median(rates[1])
    print(f"list, {len(keys)} accounts in turn: {many:.0f} requests/s, one {one:.0f}, ratio {figure}", flush=True)


def _compare(
    ours: Serving,
    bare: str,
    name: str,
    path: str,
    keys: list[str],
    options: argparse.Namespace,
    method: str = "GET",
    bodies: tuple[str, ...] = ("",),
) -> None:
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(options.rounds):
        for url, found in ((ours.api, rates[0]), (bare, rates[1])):
            found.append(turns_per_second(url + path, keys=keys, seconds=options.seconds, method=method, bodies=bodies))
    figure = verdict(ratio(*rates), KEEPS)
    print(
        f"{name}: {median(rates[0]):.0f} requests/s, without tenancy {median(rates[1]):.0f}, ratio {figure}", flush=True
    )


async def _open_accounts(ours: Serving, count: int) -> list[str]:
    secrets = [secret.make(paid=False) for _ in range(count)]
    connection = await ours.connect()
    made = await connection.fetchval("select array_agg(gen_random_uuid()) from generate_series(1, $1::int)", count)
    await connection.execute(_ACCOUNTS, made, [digest(each) for each in secrets])
    await connection.execute("vacuum analyze")
    await connection.close()
    return secrets


# A full account


@dataclass(frozen=True)
class _Place:
    """What the requests of the second part name."""

    inbox: str
    pods: tuple[str, str]
    pod_key: str


def _grow(ours: Serving, key: str, options: argparse.Namespace) -> None:
    pods = [ours.post("/v1/pods", {"name": f"pod {number}"}, key) for number in range(60)]  # more than a page
    inbox = ours.post("/v1/inboxes", {"pod_id": pods[0]["id"]}, key)
    place = _Place(str(inbox["id"]), (str(pods[0]["id"]), str(pods[1]["id"])), str(pods[0]["pod_api_key"]))
    first = report("small account", _measure(ours, key, place, options), None)
    asyncio.run(_fill(ours, place, options))
    size = f"{options.pods:,} pods, {options.pods * options.keys_a_pod:,} keys, "
    size += f"{options.pods * options.inboxes_a_pod:,} inboxes"
    report(size, _measure(ours, key, place, options), first)


async def _fill(ours: Serving, place: _Place, options: argparse.Namespace) -> None:
    connection = await ours.connect()
    account = await connection.fetchval("select account_id from inboxes where id = $1::text::uuid", place.inbox[6:])
    step = max(1, 50_000 // options.inboxes_a_pod)
    for start in range(0, options.pods, step):
        pods = min(step, options.pods - start)
        await connection.execute(_FILL, account, pods, options.keys_a_pod, options.inboxes_a_pod, timeout=600)
    await connection.execute("vacuum analyze", timeout=600)
    await connection.execute("checkpoint", timeout=600)
    await connection.close()


def _measure(ours: Serving, key: str, place: _Place, options: argparse.Namespace) -> Cost:
    moves = tuple(json.dumps({"pod_id": pod}) for pod in place.pods)
    calls: dict[str, tuple[Any, ...]] = {
        "get": ("GET", f"/v1/inboxes/{place.inbox}", key, ("",)),
        "list of inboxes": ("GET", "/v1/inboxes", key, ("",)),
        "list of a pod's inboxes": ("GET", f"/v1/pods/{place.pods[0]}/inboxes", place.pod_key, ("",)),
        "list of pods": ("GET", "/v1/pods", key, ("",)),
        "list of keys": ("GET", "/v1/keys", key, ("",)),
        "threads of a pod": ("GET", f"/v1/pods/{place.pods[0]}/threads", place.pod_key, ("",)),
        "create": ("POST", "/v1/inboxes", key, ("{}",)),
        "move": ("PATCH", f"/v1/inboxes/{place.inbox}", key, moves, 1),  # of several, one waits for the other
        "usage of a pod": ("GET", f"/v1/pods/{place.pods[0]}/usage", place.pod_key, ("",)),
        "usage": ("GET", "/v1/usage?by=account", key, ("",)),
    }
    for call in calls.values():
        _cost(ours, *call)  # warms caches and code
    rounds = [{name: _cost(ours, *call) for name, call in calls.items()} for _ in range(options.rounds)]
    figures = {name: median([each[name] for each in rounds]) for name in calls}
    return Cost(figures, yardstick())


def _cost(
    ours: Serving, method: str, path: str, key: str, bodies: tuple[str, ...], clients: int = 16, *, seconds: int = 1
) -> float:
    """Return the microseconds of CPU time that a request takes of the whole server."""
    before = cpu_seconds(tree(ours.process.pid))
    url = ours.api + path
    rate = turns_per_second(url, keys=[key], seconds=seconds, method=method, bodies=bodies, connections=clients)
    return (cpu_seconds(tree(ours.process.pid)) - before) / (rate * seconds) * 1e6


if __name__ == "__main__":
    main()
