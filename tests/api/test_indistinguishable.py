"""A foreign object does not exist: it is answered as an id that was never issued, in status, body and time."""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from daimon.keys import secret
from daimon.keys.models import KeyScope
from daimon.kit import ids

from .conftest import Edge, bearer
from .test_matrix import BODIES
from .worlds import KEYED, READS, World, shared_world

ROUNDS = 150
ROUNDS_OF_WRITES = 60
REPORTS = 40  # a tenth of a second each
# With no difference at all, one case in 150,000 would be over this; a look-up more or less is far beyond it.
MOST_DEVIATIONS = 4.5
NAMED = {name: each for name, each in KEYED.items() if each.params and "token" not in each.path}


@dataclass(frozen=True)
class Answer:
    """What a client can tell two answers by."""

    status: int
    body: str
    seconds: float


@pytest.mark.parametrize("name", [name for name, each in NAMED.items() if each in READS])
async def test_foreign_is_as_never_issued(edge: Edge, name: str) -> None:
    """Another account's id and a fresh one, asked for in random order: statistically the same."""
    mine, others = await shared_world(edge), await shared_world(edge, "others")
    await _compare(edge, name, mine.account_key, others, rounds=ROUNDS)


@pytest.mark.parametrize("name", [name for name, each in NAMED.items() if each.reach is not KeyScope.ACCOUNT])
async def test_a_siblings_is_as_never_issued(edge: Edge, name: str) -> None:
    """What is in a sibling pod, read or written with a pod's key."""
    mine = await shared_world(edge)
    await _compare(edge, name, mine.keys["pod b"], mine, rounds=ROUNDS_OF_WRITES)


@pytest.mark.parametrize("name", [name for name, each in NAMED.items() if each not in READS])
async def test_foreign_is_changed_as_never_issued(edge: Edge, name: str) -> None:
    """A write to another account's object and to none."""
    mine, others = await shared_world(edge), await shared_world(edge, "others")
    await _compare(edge, name, mine.account_key, others, rounds=ROUNDS_OF_WRITES)


async def _compare(edge: Edge, name: str, key: str, world: World, *, rounds: int) -> None:
    """Call an operation on a world's objects, which the key does not reach, and on none: nobody can tell them apart."""
    each = NAMED[name]
    body = BODIES[each.name](world) if each.name in BODIES else each.example.body
    foreign, fresh = each.path.format(**world.ids), each.path.format(**_fresh(world))
    answers: dict[str, list[Answer]] = {foreign: [], fresh: []}
    for _ in range(10):
        for path in (foreign, fresh):  # warms caches and statements
            await _ask(edge, each.method, path, key, body)
    for _ in range(rounds):
        for path in random.sample((foreign, fresh), 2):
            answers[path].append(await _ask(edge, each.method, path, key, body))
    assert len({(answer.status, answer.body) for path in answers for answer in answers[path]}) == 1
    assert answers[foreign][0].status == 404
    seconds = [[answer.seconds for answer in answers[path]] for path in (foreign, fresh)]
    assert abs(_deviations(*seconds)) < MOST_DEVIATIONS


async def test_a_real_key_is_reported_as_a_false_one(edge: Edge) -> None:
    """A key that works, one that never was, and one that has ended: the answer to who reports them takes as long."""
    account_key = (await shared_world(edge)).account_key
    real = [await _issue(edge, account_key) for _ in range(REPORTS)]
    ended = await _issue(edge, account_key)
    await _report(edge, ended)
    answers: dict[str, list[Answer]] = {"real": [], "false": [], "ended": []}
    for key in real:
        reported = {"real": key, "false": secret.make(paid=False), "ended": ended}
        for kind in random.sample(sorted(reported), len(reported)):
            answers[kind].append(await _report(edge, reported[kind]))
    assert {(answer.status, answer.body) for each in answers.values() for answer in each} == {
        (202, '{"result":{"received":true},"next_steps":[]}')
    }
    seconds = {kind: [answer.seconds for answer in each] for kind, each in answers.items()}
    assert abs(_deviations(seconds["real"], seconds["false"])) < MOST_DEVIATIONS
    assert abs(_deviations(seconds["ended"], seconds["false"])) < MOST_DEVIATIONS
    assert [await _status(edge, key) for key in (real[0], real[-1], account_key)] == [401, 401, 200]


def _fresh(world: World) -> dict[str, str]:
    """Return ids of the same kinds that nobody was ever given, and an address that is nowhere."""
    return {name: _like(shown) for name, shown in world.ids.items()}


def _like(shown: str) -> str:
    if "@" in shown:
        return f"gone-{ids.new().hex}@example.com"
    return ids.show(ids.Kind(shown.rpartition("_")[0]), ids.new())


async def _ask(edge: Edge, method: str, path: str, key: str, content: object) -> Answer:
    started = time.perf_counter()
    answer = await edge.http.request(method, path, json=content, headers=bearer(key))
    seconds = time.perf_counter() - started
    body = answer.json()
    del body["request_id"]
    return Answer(answer.status_code, str(body), seconds)


async def _issue(edge: Edge, account_key: str) -> str:
    answer = await edge.http.post("/v1/keys", json={"scope": "account"}, headers=bearer(account_key))
    key: str = answer.json()["result"]["api_key"]
    return key


async def _report(edge: Edge, key: str) -> Answer:
    started = time.perf_counter()
    answer = await edge.http.post("/v1/keys/leaked", json={"key": key})
    return Answer(answer.status_code, answer.text, time.perf_counter() - started)


async def _status(edge: Edge, key: str) -> int:
    return (await edge.http.get("/v1/whoami", headers=bearer(key))).status_code


def _deviations(left: Sequence[float], right: Sequence[float]) -> float:
    """Return how far the rank sum of Mann and Whitney is from the one expected, in standard deviations."""
    ranked = sorted([(value, 0) for value in left] + [(value, 1) for value in right])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, start=1) if side == 0)
    n, m = len(left), len(right)
    return (ranks - n * (n + m + 1) / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def test_the_statistic_sees_a_difference() -> None:
    """A tenth more time is told from none."""
    noise = random.Random(1)
    base = [noise.gauss(1.0, 0.15) for _ in range(ROUNDS)]
    same = [noise.gauss(1.0, 0.15) for _ in range(ROUNDS)]
    slower = [noise.gauss(1.1, 0.15) for _ in range(ROUNDS)]
    assert abs(_deviations(base, same)) < MOST_DEVIATIONS < abs(_deviations(base, slower))
