"""A foreign object does not exist: it is answered as an id that was never issued, in status, body and time."""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from daimon.keys import secret
from daimon.kit import ids

from .conftest import Edge, bearer
from .worlds import READS, World, shared_world

ROUNDS = 150
REPORTS = 40  # a tenth of a second each
# With no difference at all, one run in ten thousand would be over this; a look-up more or less is far beyond it.
MOST_DEVIATIONS = 4.0


@dataclass(frozen=True)
class Answer:
    """What a client can tell two answers by."""

    status: int
    body: str
    seconds: float


@pytest.mark.parametrize("path", sorted({each.path for each in READS if each.params and "token" not in each.path}))
async def test_foreign_is_as_never_issued(edge: Edge, path: str) -> None:
    """Another account's id and a fresh one, asked for in random order: statistically the same."""
    mine, others = await shared_world(edge), await shared_world(edge, "others")
    foreign, fresh = path.format(**others.ids), path.format(**_fresh(others))
    answers: dict[str, list[Answer]] = {foreign: [], fresh: []}
    for _ in range(10):
        for each in (foreign, fresh):  # warms caches and statements
            await _ask(edge, each, mine)
    for _ in range(ROUNDS):
        for each in random.sample((foreign, fresh), 2):
            answers[each].append(await _ask(edge, each, mine))
    assert len({(answer.status, answer.body) for each in answers.values() for answer in each}) == 1
    assert answers[foreign][0].status == 404
    seconds = [[answer.seconds for answer in answers[each]] for each in (foreign, fresh)]
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


async def _ask(edge: Edge, path: str, world: World) -> Answer:
    started = time.perf_counter()
    answer = await edge.http.get(path, headers=bearer(world.account_key))
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
