"""No chain of creates, changes and rotations ends in a key that is wider than the one that acted."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from daimon.keys.models import ALLOWED, KeyScope
from daimon.keys.permissions import ALL, Permission
from daimon.keys.roles import PERMISSIONS as ROLE_PERMISSIONS
from daimon.keys.roles import Role

from .conftest import Edge
from .teamwork import Team, grant

_START = datetime(2100, 1, 1, tzinfo=UTC)
_NETWORKS = (None, ["127.0.0.0/8"], ["127.0.0.1"], ["127.0.0.1", "10.0.0.0/8"], ["0.0.0.0/0"])
_PROBES = [ip_address(text) for text in ("127.0.0.1", "127.9.9.9", "10.1.1.1", "192.0.2.1", "2001:db8::1")]
_SOME = [Permission.KEYS_READ, Permission.MESSAGES_READ, Permission.BILLING_READ]
_NEWEST_FIRST = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7])

_values = st.fixed_dictionaries(
    {},
    optional={
        "permissions": st.sets(st.sampled_from(_SOME)).map(lambda some: sorted(some | {Permission.KEYS_WRITE}))
        | st.sampled_from([None, sorted(ALL)]),
        "expires_at": st.none() | st.integers(0, 3).map(lambda days: (_START + timedelta(days)).isoformat()),
        "allowed_networks": st.sampled_from(_NETWORKS),
    },
)
_step = st.tuples(
    st.sampled_from(["create", "create", "change", "rotate"]),
    _NEWEST_FIRST,  # who acts
    _NEWEST_FIRST,  # on which key
    st.sampled_from(["account", "pod", "other_pod", "inbox", "pod_inbox", "member"]),
    _values,
)


@dataclass(frozen=True)
class Reach:
    """What a key may do where, as this test works it out for itself."""

    id: str
    secret: str
    where: str  # "account", "pod", "other_pod", "inbox" or "pod_inbox"
    permissions: frozenset[str]
    whole: bool  # stands for the account itself
    expires_at: str | None
    networks: tuple[str, ...] | None
    member_id: str | None = None

    def holds_in(self, where: str) -> bool:
        """Whether it reaches all of a place."""
        below = {"account": {"pod", "other_pod", "inbox", "pod_inbox"}, "pod": {"pod_inbox"}}
        return where == self.where or where in below.get(self.where, set())

    def works_from(self, probe: Any) -> bool:
        """Whether it may be used from an address."""
        return self.networks is None or any(probe in ip_network(each) for each in self.networks)

    def is_no_wider_than(self, actor: "Reach", *, expiry: bool = True, networks: bool = True) -> bool:
        """Whether it may do nothing, nowhere, never and from nowhere that the actor may not."""
        if not actor.holds_in(self.where) or not self.permissions <= actor.permissions or self.whole > actor.whole:
            return False
        if expiry and actor.expires_at and (self.expires_at is None or self.expires_at > actor.expires_at):
            return False
        return not networks or all(actor.works_from(probe) for probe in _PROBES if self.works_from(probe))


@dataclass
class World:
    """An account with pods, inboxes and members, and all keys of it that the chain knows."""

    team: Team
    places: dict[str, dict[str, str]]
    keys: list[Reach]

    @classmethod
    async def opened(cls, edge: Edge) -> "World":
        """Open an account with a whole key, a pod key, a developer in the pod and an admin."""
        team = await Team.opened(edge)
        pod, other = [await team.result("POST", "/v1/pods", {"name": name}) for name in ("One", "Two")]
        inside = await edge.create_inbox(team.account.account_api_key, pod_id=pod["id"])
        places = {
            "account": {"scope": "account"},
            "pod": {"scope": "pod", "pod_id": pod["id"]},
            "other_pod": {"scope": "pod", "pod_id": other["id"]},
            "inbox": {"scope": "inbox", "inbox_id": team.account.id},
            "pod_inbox": {"scope": "inbox", "inbox_id": inside["id"]},
            "member": {"scope": "member"},
        }
        world = cls(team, places, [])
        for secret, where in ((team.account.account_api_key, "account"), (pod["pod_api_key"], "pod")):
            me = await team.result("GET", "/v1/whoami", key=secret)
            world.keys.append(world.reach_of(await world.shown(me["key_id"]), secret, where))
        for role, where in ((Role.DEVELOPER, "pod"), (Role.ADMIN, "account")):
            person = await team.join(grant(role, pod["id"] if where == "pod" else None))
            me = await team.result("GET", "/v1/whoami", key=person.key)
            may = frozenset(ROLE_PERMISSIONS[role])
            world.keys.append(Reach(me["key_id"], person.key, where, may, False, None, None, person.id))
        return world

    async def shown(self, key_id: str) -> dict[str, Any]:
        """Return a key as the whole account key sees it."""
        key: dict[str, Any] = await self.team.result("GET", f"/v1/keys/{key_id}")
        return key

    def reach_of(self, key: dict[str, Any], secret: str, where: str, actor: Reach | None = None) -> Reach:
        """Work out what a key may do from how it is shown; a member's own key, from what the member's first one may."""
        may, networks = key["permissions"], key["allowed_networks"]
        if key["scope"] == KeyScope.MEMBER:
            first = next(each for each in self.keys if each.member_id == key["member_id"])
            where, granted = first.where, first.permissions
        else:
            granted = ALLOWED[KeyScope(key["scope"])]
        permissions = granted if may is None else granted & set(may)
        whole = key["scope"] == KeyScope.ACCOUNT and permissions >= ALL
        return Reach(
            key["id"], secret, where, frozenset(permissions), whole, key["expires_at"],
            networks and tuple(networks), key["member_id"],
        )  # fmt: skip

    async def take(self, kind: str, actor: Reach, target: Reach, place: str, values: dict[str, Any]) -> None:
        """Try one step; if it succeeds, check that what came of it is no wider than who did it."""
        if kind == "create":
            answer = await self.team.send("POST", "/v1/keys", self.places[place] | values, key=actor.secret)
        elif kind == "change":
            answer = await self.team.send("PATCH", f"/v1/keys/{target.id}", values, key=actor.secret)
        else:
            answer = await self.team.send("POST", f"/v1/keys/{target.id}/rotate", key=actor.secret)
        assert answer.status_code in (200, 201, 403, 404, 409, 422), answer.text
        if answer.status_code > 201:
            return
        shown = answer.json()["result"]
        after = self.reach_of(shown, shown.get("api_key", target.secret), place if kind == "create" else target.where)
        own = actor.id == after.id and kind == "rotate"
        changed = values if kind == "change" else {"expires_at", "allowed_networks"}
        no_wider = after.is_no_wider_than(actor, expiry="expires_at" in changed, networks="allowed_networks" in changed)
        assert own or no_wider, (kind, actor, after)
        if kind != "create":
            self.keys = [after if each.id == after.id else each for each in self.keys]
        else:
            self.keys.append(after)


@given(steps=st.lists(_step, min_size=8, max_size=25))
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_chain_of_keys_widens(edge: Edge, steps: list[tuple[str, int, int, str, dict[str, Any]]]) -> None:
    """Whoever acts, and on whichever key: what comes of it stays within who did it."""
    world = await World.opened(edge)
    for kind, actor, target, place, values in steps:
        newest_first = world.keys[::-1]
        count = len(newest_first)
        await world.take(kind, newest_first[actor % count], newest_first[target % count], place, values)


async def test_the_oracle_knows_wider_from_narrower(edge: Edge) -> None:
    """The test above would see a key that reaches further, may do more, ends later or works from elsewhere."""
    world = await World.opened(edge)
    whole, pod = world.keys[:2]
    short = replace(pod, expires_at=_START.isoformat(), networks=("127.0.0.0/8",))
    assert pod.is_no_wider_than(whole)
    assert short.is_no_wider_than(pod)
    for wider, narrower in ((whole, pod), (replace(pod, where="other_pod"), pod), (pod, short)):
        assert not wider.is_no_wider_than(narrower)
    assert not replace(short, networks=None).is_no_wider_than(short)
    assert not replace(short, expires_at=None).is_no_wider_than(short)
    assert not pod.is_no_wider_than(replace(pod, permissions=pod.permissions - {Permission.KEYS_READ}))
