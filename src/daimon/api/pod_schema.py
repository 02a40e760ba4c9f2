"""Pods as clients write and read them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.schema import ClientId, Metadata, Offset, Page, Search, check_metadata
from daimon.inboxes.pod_deletion import Fate
from daimon.keys.models import IssuedKey
from daimon.kit.clock import Time, rfc3339
from daimon.kit.ids import Kind, show
from daimon.kit.written import Ours
from daimon.pods.models import NewPod, Pod, PodChange, PodLimits, PodQuery, PodStatus

_LINE = r"^[^\x00-\x1f\x7f]*$(?!\n)"
PodName = Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]
Description = Annotated[str, Meta(max_length=2000)]
CostCenter = Annotated[str, Meta(max_length=100, pattern=_LINE, description="What your books call it.")]
Subdomain = Annotated[
    str,
    Meta(
        max_length=63,
        description="One label; inboxes made in the pod get addresses under it. Changeable while it has none.",
    ),
]
Most = Annotated[int, Meta(ge=0, le=2**53 - 1, description="null: the account's own limit.")]


class PodLimitsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a pod, at most those of the account; what is left out is the account's own."""

    max_inboxes: Most | None = None
    max_sends_per_day: Most | None = None


class PodLimitsPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to the limits of a pod; what is left out stays as it is."""

    max_inboxes: Most | UnsetType | None = UNSET
    max_sends_per_day: Most | UnsetType | None = UNSET


class PodCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new pod."""

    name: PodName
    description: Description | None = None
    subdomain: Subdomain | None = None
    client_id: ClientId | None = None
    metadata: Metadata | None = None
    limits: PodLimitsBody | None = None
    cost_center: CostCenter | None = None

    def to_domain(self) -> NewPod:
        """Return what the service is asked. Raises Invalid."""
        limits = self.limits or PodLimitsBody()
        return NewPod(
            self.name,
            self.description,
            self.subdomain,
            self.client_id,
            check_metadata(self.metadata or {}),
            PodLimits(limits.max_inboxes, limits.max_sends_per_day),
            self.cost_center,
        )


class PodPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a pod; what is left out stays as it is. A pod key changes name, description and metadata alone."""

    name: PodName | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    subdomain: Subdomain | UnsetType | None = UNSET
    status: Literal["active", "suspended"] | UnsetType = UNSET
    limits: PodLimitsPatch | UnsetType = UNSET
    cost_center: CostCenter | UnsetType | None = UNSET

    def to_domain(self) -> PodChange:
        """Return what the service is asked. Raises Invalid."""
        limits = PodLimitsPatch() if self.limits is UNSET else self.limits
        return PodChange(
            name=self.name,
            description=self.description,
            metadata=self.metadata if self.metadata is UNSET else check_metadata(self.metadata or {}),
            subdomain=self.subdomain,
            status=self.status if self.status is UNSET else PodStatus(self.status),
            max_inboxes=limits.max_inboxes,
            max_sends_per_day=limits.max_sends_per_day,
            cost_center=self.cost_center,
        )


class PodList(Page, frozen=True):
    """Which pods a list shows."""

    offset: Offset = 0
    status: Literal["active", "suspended"] | None = None
    q: Annotated[Search, Meta(description="What the name begins with, in any case.")] | None = None

    def to_domain(self) -> PodQuery:
        """Return what the service is asked."""
        status = PodStatus(self.status) if self.status else None
        return PodQuery(self.limit, self.offset, self.cursor, status, self.q)


class PodDelete(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of the inboxes of a pod that is deleted."""

    inboxes: (
        Annotated[
            Literal["move", "delete"], Meta(description="`move`: to the account. Left out: 409 if there are any.")
        ]
        | None
    ) = None

    def to_domain(self) -> Fate | None:
        """Return what the service is asked."""
        return None if self.inboxes is None else Fate(self.inboxes)


class PodLimitsView(msgspec.Struct):
    """Limits of a pod; null is the account's own."""

    max_inboxes: int | None
    max_sends_per_day: int | None


class PodView(msgspec.Struct):
    """A pod."""

    id: Ours
    name: str
    description: str | None
    subdomain: Ours | None
    client_id: str | None
    metadata: dict[str, Any]
    status: PodStatus
    limits: PodLimitsView
    inbox_count: int
    cost_center: str | None
    created_at: Time
    updated_at: Time


class PodCreated(PodView):
    """A new pod with its key, which is shown this once."""

    pod_api_key: Ours | UnsetType = UNSET


class PodPage(msgspec.Struct):
    """A page of pods, the oldest first."""

    pods: list[PodView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: str | None


class RotatedPodKey(msgspec.Struct):
    """A pod's key with its new secret, which is shown this once."""

    pod_id: Ours
    key_id: Ours
    pod_api_key: Ours
    old_key_valid_until: Time


def pod_view(pod: Pod) -> PodView:
    """Return a pod as clients read it."""
    return PodView(*_fields(pod))


def created_view(pod: Pod, key: IssuedKey | None) -> PodCreated:
    """Return a created pod with the secret that its create made."""
    view = PodCreated(*_fields(pod))
    if key:
        view.pod_api_key = key.secret
    return view


def rotated_view(pod: Pod, key: IssuedKey, old_valid_until: datetime) -> RotatedPodKey:
    """Return a rotated key as clients read it."""
    return RotatedPodKey(show(Kind.POD, pod.id), show(Kind.KEY, key.key_id), key.secret, rfc3339(old_valid_until))


def _fields(pod: Pod) -> tuple[Any, ...]:
    return (
        show(Kind.POD, pod.id),
        pod.name,
        pod.description,
        pod.subdomain,
        pod.client_id,
        pod.metadata,
        pod.status,
        PodLimitsView(pod.limits.max_inboxes, pod.limits.max_sends_per_day),
        pod.inbox_count,
        pod.cost_center,
        rfc3339(pod.created_at),
        rfc3339(pod.updated_at),
    )
