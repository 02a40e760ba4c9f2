"""Keys as clients write and read them."""

from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daimon.api.schema import ClientId, Offset, OneLine, Page, Search, in_utc, read_id
from daimon.api.schema import Moment as AnyMoment
from daimon.keys.models import IssuedKey, Key, KeyChange, KeyQuery, KeyScope, KeyStatus, Network, NewKey
from daimon.keys.permissions import Permission
from daimon.kit.clock import Time, rfc3339, rfc3339_or_none
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours

MAX_NETWORKS = 50
UNUSED_AFTER = timedelta(days=7)  # a younger key has not shown yet what it needs
_MAPPED = IPv6Network("::ffff:0:0/96")
_IPV4_BITS = 32

Permissions = Annotated[
    list[Permission],
    Meta(min_length=1, max_length=100, description="Left out or null: all that the scope and your own key allow."),
]
Networks = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=64)]],
    Meta(
        min_length=1,
        max_length=MAX_NETWORKS,
        description="Where the key may be used from, such as `192.0.2.0/24` or `2001:db8::/48`. Null: from anywhere.",
    ),
]
Expiry = Annotated[AnyMoment, Meta(description="When the key ends. Null: never.")]


class KeyCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key. It gets no more than the key that makes it has."""

    scope: KeyScope
    pod_id: Annotated[str, Meta(description="Of a pod key; left out by a pod key, it is its own pod.")] | None = None
    inbox_id: Annotated[str, Meta(description="Of an inbox key.")] | None = None
    name: OneLine | None = None
    permissions: Permissions | None = None
    expires_at: Expiry | None = None
    allowed_networks: Networks | None = None
    client_id: ClientId | None = None

    def to_domain(self) -> NewKey:
        """Return what the service is asked. Raises Invalid."""
        for field, scope in (("pod_id", KeyScope.POD), ("inbox_id", KeyScope.INBOX)):
            if getattr(self, field) is not None and self.scope is not scope:
                raise Invalid.field(field, f"is for keys of the scope `{scope}` alone")
        if self.scope is KeyScope.INBOX and self.inbox_id is None:
            raise Invalid.field("inbox_id", "is needed for an inbox key")
        return NewKey(
            key_scope=self.scope,
            pod_id=read_id(Kind.POD, self.pod_id, "pod_id"),
            inbox_id=read_id(Kind.INBOX, self.inbox_id, "inbox_id"),
            name=self.name,
            permissions=None if self.permissions is None else frozenset(self.permissions),
            expires_at=in_utc(self.expires_at, "expires_at"),
            networks=None if self.allowed_networks is None else read_networks(self.allowed_networks),
            client_id=self.client_id,
        )


class KeyPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a key; what is left out stays as it is."""

    name: OneLine | UnsetType | None = UNSET
    permissions: Permissions | UnsetType | None = UNSET
    expires_at: Expiry | UnsetType | None = UNSET
    allowed_networks: Networks | UnsetType | None = UNSET

    def to_domain(self) -> KeyChange:
        """Return what the service is asked. Raises Invalid."""
        changes: dict[str, Any] = {"name": self.name, "permissions": self.permissions, "expires_at": self.expires_at}
        if isinstance(self.permissions, list):
            changes["permissions"] = frozenset(self.permissions)
        if isinstance(self.expires_at, datetime):
            changes["expires_at"] = in_utc(self.expires_at, "expires_at")
        networks = self.allowed_networks
        changes["networks"] = read_networks(networks) if isinstance(networks, list) else networks
        return KeyChange(**changes)


class KeyList(Page, frozen=True):
    """Which keys a list shows."""

    offset: Offset = 0
    scope: KeyScope | None = None
    pod_id: Annotated[str, Meta(description="Keys of this pod, and of the inboxes in it.")] | None = None
    inbox_id: str | None = None
    status: KeyStatus = KeyStatus.ACTIVE
    q: Annotated[Search, Meta(description="What the name begins with.")] | None = None

    def to_domain(self, now: datetime) -> KeyQuery:
        """Return what the service is asked. Raises Invalid."""
        return KeyQuery(
            limit=self.limit,
            now=now,
            offset=self.offset,
            cursor=self.cursor,
            status=self.status,
            key_scope=self.scope,
            pod_id=read_id(Kind.POD, self.pod_id, "pod_id"),
            inbox_id=read_id(Kind.INBOX, self.inbox_id, "inbox_id"),
            q=self.q,
        )


class KeyLeak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret that was found where it should not be."""

    key: Annotated[str, Meta(min_length=1, max_length=200)]


class KeyView(msgspec.Struct):
    """A key, without its secret."""

    id: Ours
    scope: KeyScope
    pod_id: Ours | None
    inbox_id: Ours | None
    member_id: Ours | None
    name: str | None
    permissions: Annotated[
        list[Permission] | None, Meta(description="Null: of a member's key, all that the member's roles give.")
    ]
    expires_at: Time | None
    allowed_networks: list[str] | None
    created_by: Annotated[Ours | None, Meta(description="The key or the member that made it.")]
    created_at: Time
    last_used_at: Annotated[Time | None, Meta(description="Up to a minute late.")]
    prefix: Annotated[Ours, Meta(description="How its present secret begins.")]
    status: KeyStatus
    client_id: str | None


class KeyDetails(KeyView):
    """A key, and what it could do without."""

    unused_permissions: Annotated[
        list[Permission],
        Meta(description="What it has and never used since it was made; empty for a key younger than seven days."),
    ]


class KeyCreated(KeyView):
    """A new key with its secret, which is shown this once."""

    api_key: Ours | UnsetType = UNSET


class KeyRotated(KeyView):
    """A key with its new secret, which is shown this once."""

    api_key: Ours
    old_key_valid_until: Time


class AccountKeyRotated(msgspec.Struct):
    """An account's key with its new secret, which is shown this once."""

    account_id: Ours
    key_id: Ours
    account_api_key: Ours
    old_key_valid_until: Time


class KeyPage(msgspec.Struct):
    """A page of keys, the oldest first."""

    keys: list[KeyView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: str | None


class Received(msgspec.Struct):
    """That a report arrived. It is the same for a key that exists and one that does not."""

    received: bool = True


def read_networks(texts: list[str]) -> tuple[Network, ...]:
    """Return the networks in a body, each once, in their order. Raises Invalid."""
    return tuple(dict.fromkeys(_network(text, f"allowed_networks[{n}]") for n, text in enumerate(texts)))


def key_view(key: Key, now: datetime) -> KeyView:
    """Return a key as lists show it."""
    return KeyView(*_fields(key, now))


def details_view(key: Key, now: datetime) -> KeyDetails:
    """Return a key with the hint what it could do without."""
    return KeyDetails(*(*_fields(key, now), unused_permissions(key, now)))


def created_view(key: Key, secret: str | None, now: datetime) -> KeyCreated:
    """Return a key with its secret if it was made just now."""
    view = KeyCreated(*_fields(key, now))
    if secret is not None:
        view.api_key = secret
    return view


def rotated_view(key: Key, issued: IssuedKey, old_valid_until: datetime, now: datetime) -> KeyRotated:
    """Return a key with its new secret."""
    return KeyRotated(*(*_fields(key, now), issued.secret, rfc3339(old_valid_until)))


def unused_permissions(key: Key, now: datetime) -> list[Permission]:
    """Return what a key has and never used; none of a young key, or one that follows its member's roles."""
    follows_roles = key.key_scope is KeyScope.MEMBER and key.permissions is None
    if follows_roles or key.status(now) is not KeyStatus.ACTIVE or now - key.created_at < UNUSED_AFTER:
        return []
    return sorted(key.effective - key.used_permissions)


def _fields(key: Key, now: datetime) -> tuple[Any, ...]:
    follows_roles = key.key_scope is KeyScope.MEMBER and key.permissions is None
    return (
        show(Kind.KEY, key.id),
        key.key_scope,
        show_or_none(Kind.POD, key.pod_id),
        show_or_none(Kind.INBOX, key.inbox_id),
        show_or_none(Kind.MEMBER, key.member_id),
        key.name,
        None if follows_roles else sorted(key.effective),
        rfc3339_or_none(key.expires_at),
        None if key.networks is None else [str(network) for network in key.networks],
        show_or_none(Kind.MEMBER if key.made_by_member else Kind.KEY, key.created_by),
        rfc3339(key.created_at),
        rfc3339_or_none(key.last_used_at),
        key.prefix,
        key.status(now),
        key.client_id,
    )


def _network(text: str, field: str) -> Network:
    """Return a network; one of IPv4 addresses mapped into IPv6 is the IPv4 network. Raises Invalid."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or "%" in text:
        raise Invalid.field(field, "must be an address or a network, such as 192.0.2.0/24 or 2001:db8::/48")
    if text.partition("/")[0] != str(network.network_address) and _has_host_bits(text):
        raise Invalid.field(field, f"has bits set beyond its prefix; the network is {network}")
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        host = int(network.network_address) & ((1 << _IPV4_BITS) - 1)
        return IPv4Network((host, network.prefixlen - _MAPPED.prefixlen))
    return network


def _has_host_bits(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return True
    return False
