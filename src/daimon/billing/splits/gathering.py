"""From what was metered by pod to what is shown by line: pods as they are, or added up to teams and cost centres."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from daimon.billing.splits.allocation import apportion
from daimon.billing.splits.models import UNALLOCATED, Days, Place, Quantities, SplitBy, Unit, Used
from daimon.kit.ids import Kind, show


@dataclass(frozen=True, slots=True)
class PodThen:
    """A pod, deleted or not."""

    name: str
    cost_center: str | None
    since: date
    until: date  # date.max: it is not deleted


@dataclass(frozen=True, slots=True)
class TeamThen:
    """A team, and the pods that it is granted something in."""

    name: str
    since: date
    pods: tuple[UUID, ...]


class Metered(NamedTuple):
    """What was used in some days in one pod (None: in none); late, if it is of a month that was closed before."""

    days: Days
    pod_id: UUID | None
    corrects: date | None
    used: Quantities


Owners = Callable[[UUID | None], Sequence[str]]  # who bears what was used in a pod, alike if they are several


def gather(
    by: SplitBy, pods: Mapping[UUID, PodThen], teams: Mapping[UUID, TeamThen], metered: Iterable[Metered]
) -> Used:
    """Return what each unit used. What several teams share is divided among them in whole units: nothing is lost."""
    units, owners = _UNITS[by](pods, teams)
    by_days: defaultdict[Days, dict[Place, Quantities]] = defaultdict(dict)
    for each in metered:
        shares, places = owners(each.pod_id), by_days[each.days]
        for owner, part in zip(shares, _parts(each.used, len(shares)), strict=True):
            place = Place(owner, each.corrects)
            places[place] = places[place] + part if place in places else part
    return Used(units, by_days)


def _by_pod(pods: Mapping[UUID, PodThen], _: Mapping[UUID, TeamThen]) -> tuple[dict[str, Unit], Owners]:
    units = {show(Kind.POD, pod_id): Unit(pod.name, pod.since, pod.until) for pod_id, pod in pods.items()}
    return units, lambda pod_id: (UNALLOCATED if pod_id is None else show(Kind.POD, pod_id),)


def _by_cost_center(pods: Mapping[UUID, PodThen], _: Mapping[UUID, TeamThen]) -> tuple[dict[str, Unit], Owners]:
    units: dict[str, Unit] = {}
    for pod in pods.values():
        if pod.cost_center:
            known = units.get(pod.cost_center, Unit(pod.cost_center, pod.since, pod.until))
            units[pod.cost_center] = Unit(pod.cost_center, min(known.since, pod.since), max(known.until, pod.until))

    def owners(pod_id: UUID | None) -> Sequence[str]:
        pod = pods.get(pod_id) if pod_id else None
        return (pod.cost_center if pod and pod.cost_center else UNALLOCATED,)

    return units, owners


def _by_team(_: Mapping[UUID, PodThen], teams: Mapping[UUID, TeamThen]) -> tuple[dict[str, Unit], Owners]:
    in_pods: defaultdict[UUID, list[str]] = defaultdict(list)
    for team_id, team in sorted(teams.items()):
        for pod_id in team.pods:
            in_pods[pod_id].append(show(Kind.TEAM, team_id))
    units = {show(Kind.TEAM, team_id): Unit(team.name, team.since) for team_id, team in teams.items()}
    return units, lambda pod_id: in_pods.get(pod_id, (UNALLOCATED,)) if pod_id else (UNALLOCATED,)


_UNITS = {SplitBy.POD: _by_pod, SplitBy.COST_CENTER: _by_cost_center, SplitBy.TEAM: _by_team}


def _parts(used: Quantities, among: int) -> list[Quantities]:
    if among == 1:
        return [used]
    alike = [1] * among
    columns = (apportion(each, alike) for each in (used.received, used.sent, used.stored_bytes, used.inbox_days))
    return [Quantities(*row) for row in zip(*columns, strict=True)]
