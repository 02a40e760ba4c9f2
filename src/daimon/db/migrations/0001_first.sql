-- Every tenant table is keyed (account_id, …). Tables that are asked before an account is known
-- (address → inbox, secret → key) are small and keyed by what is looked up.

create table accounts (
    account_id      uuid primary key,
    tier            text not null default 'free' check (tier in ('free', 'developer', 'growth', 'enterprise')),
    status          text not null default 'active' check (status in ('active', 'under_review', 'suspended')),
    operator_email  text,
    created_at      timestamptz not null
);

-- What is limited, counted where it is spent: one row a quota, one UPDATE … WHERE used < limit.
create table quotas (
    account_id  uuid not null,
    pod_id      uuid not null default '00000000-0000-0000-0000-000000000000',
    quota       text not null,
    used        bigint not null default 0 check (used >= 0),
    primary key (account_id, pod_id, quota)
);

-- Free creates of the last hour from one address (IPv6: one /64), oldest first; never longer than the limit.
create table free_creates (
    network  inet primary key,
    at       timestamptz[] not null
);

create table inboxes (
    account_id        uuid not null,
    id                uuid not null,
    pod_id            uuid,
    username          text not null,
    domain            text not null,
    display_name      text,
    status            text not null check (status in ('active', 'suspended', 'deleted')),
    message_count     bigint not null default 0,
    thread_count      bigint not null default 0,
    unread_count      bigint not null default 0,
    last_received_at  timestamptz,
    client_id         text,
    metadata          json not null default '{}',
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    deleted_at        timestamptz,
    primary key (account_id, id)
) with (fillfactor = 80);  -- room for HOT updates of the counters
create index inboxes_by_pod on inboxes (account_id, pod_id, id) where pod_id is not null;
create index inboxes_erasable on inboxes (deleted_at) where deleted_at is not null;

-- Who an address belongs to. A deleted inbox holds its address for its account until `held_until`.
create table addresses (
    address     text primary key,
    account_id  uuid not null,
    inbox_id    uuid not null,
    status      text not null check (status in ('active', 'suspended', 'deleted')),
    held_until  timestamptz
);

create table keys (
    account_id    uuid not null,
    id            uuid not null,
    scope         text not null check (scope in ('account', 'pod', 'inbox')),
    pod_id        uuid,
    inbox_id      uuid,
    name          text,
    permissions   text[],            -- null: all that the scope allows
    prefix        text not null,
    status        text not null default 'active' check (status in ('active', 'revoked')),
    expires_at    timestamptz,
    created_by    uuid,
    created_at    timestamptz not null,
    last_used_at  timestamptz,
    primary key (account_id, id)
);
create index keys_of_inbox on keys (account_id, inbox_id) where inbox_id is not null;

-- A key's secrets: the present one, and during a grace the one before. Only SHA-256 is kept.
create table key_secrets (
    hash        bytea primary key,
    account_id  uuid not null,
    key_id      uuid not null,
    valid_until timestamptz
);
create index key_secrets_of_key on key_secrets (account_id, key_id);

-- The first answer to a request, by the hash of its Idempotency-Key; `response` is sealed under a key made of that header.
create table idempotency (
    account_id   uuid not null,
    key_hash     bytea not null,
    fingerprint  bytea not null,
    response     bytea not null,
    created_at   timestamptz not null,
    primary key (account_id, key_hash)
);
create index idempotency_by_age on idempotency (created_at);

-- The object that a client_id made, and the fingerprint of the body that made it.
create table client_ids (
    account_id   uuid not null,
    kind         text not null,
    client_id    text not null,
    fingerprint  bytea not null,
    object_id    uuid not null,
    primary key (account_id, kind, client_id)
);

-- The octets of a mail, once per account however many of its inboxes received it. Nothing is compressed: base64
-- hardly gets smaller by it. Kept inline (toast_tuple_target), a 4 KiB mail would fill a page of 8 KiB alone.
create table raw_mails (
    account_id  uuid not null,
    id          uuid not null,
    octets      bytea not null,
    primary key (account_id, id)
);
alter table raw_mails alter column octets set storage external;

-- What was read out of the octets, once per account. `summary` is what lists show; `detail` (headers, HTML, long
-- texts) is fetched by a single get alone.
create table mail_contents (
    account_id  uuid not null,
    id          uuid not null,        -- also the id in raw_mails
    summary     json not null,
    detail      json not null,
    primary key (account_id, id)
);

-- Accepted, not yet understood. A row leaves in the transaction that shows its messages.
create table inbound_queue (
    account_id   uuid not null,
    id           uuid not null,       -- also the id in raw_mails
    mail_from    text,
    recipients   json not null,       -- [[address as written, inbox id], …]
    peer_ip      text not null,
    helo         text not null,
    tls          boolean not null,
    size         integer not null,
    received_at  timestamptz not null,
    attempts     smallint not null default 0,
    slow         boolean not null default false,  -- large or costly to parse: waits in a lane of its own
    primary key (account_id, id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index inbound_queue_slow on inbound_queue (account_id, id) where slow;

-- Mails that a step of the pipeline failed on, each with its error. `not_before` null: given up, the operator decides.
create table inbound_parked (
    like inbound_queue,
    error       text not null,
    not_before  timestamptz,
    parked_at   timestamptz not null,
    primary key (account_id, id)
);
create index inbound_parked_due on inbound_parked (not_before) where not_before is not null;

create table threads (
    account_id       uuid not null,
    id               uuid not null,
    inbox_id         uuid not null,
    subject          text not null,
    subject_key      bytea not null,   -- of the subject without Re: and Fwd:
    participants     text[] not null,
    labels           text[] not null default '{}',
    message_count    integer not null default 0,
    unread_count     integer not null default 0,
    preview          text not null default '',
    last_message_at  timestamptz not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    deleted_at       timestamptz,
    primary key (account_id, id)
) with (fillfactor = 80);
create index threads_newest on threads (account_id, inbox_id, last_message_at desc, id desc) where deleted_at is null;
create index threads_newest_in_account on threads (account_id, last_message_at desc, id desc) where deleted_at is null;
create index threads_by_subject on threads (account_id, inbox_id, subject_key, last_message_at desc);
create index threads_erasable on threads (deleted_at) where deleted_at is not null;

-- Which thread a Message-ID belongs to, seen or only referred to (RFC 5322 §3.6.4): a reply finds its thread in one look.
create table thread_refs (
    account_id  uuid not null,
    inbox_id    uuid not null,
    ref         bytea not null,        -- 16 bytes of SHA-256 of the Message-ID
    thread_id   uuid not null,
    primary key (account_id, inbox_id, ref)
);

create table messages (
    account_id      uuid not null,
    id              uuid not null,
    inbox_id        uuid not null,
    pod_id          uuid,
    thread_id       uuid not null,
    direction       text not null check (direction in ('inbound', 'outbound')),
    status          text not null,
    raw_id          uuid not null,    -- in raw_mails and mail_contents
    mail_from       text,
    rcpt_to         text not null,
    from_address    text,
    from_name       text,
    subject         text not null,
    message_id      text,
    labels          text[] not null default '{}',
    read            boolean not null default false,
    preview         text not null,
    has_code        boolean not null default false,
    size            integer not null,
    sent_at         timestamptz,
    received_at     timestamptz not null,
    deleted_at      timestamptz,
    primary key (account_id, id)
) with (fillfactor = 90);
create index messages_in_inbox on messages (account_id, inbox_id, id) where deleted_at is null;
create index messages_unread on messages (account_id, inbox_id, id) where deleted_at is null and not read;
create index messages_in_thread on messages (account_id, thread_id, id);
create index messages_erasable on messages (deleted_at) where deleted_at is not null;
create index messages_of_raw on messages (account_id, raw_id);

create table events (
    account_id  uuid not null,
    sequence    bigint not null,
    id          uuid not null,
    event       text not null,
    pod_id      uuid,
    inbox_id    uuid,
    data        json not null,
    created_at  timestamptz not null,
    primary key (account_id, sequence)
);
create index events_by_age on events using brin (created_at);

create table event_sequences (
    account_id  uuid primary key,
    last        bigint not null
) with (fillfactor = 50);

-- Metered with the act, per inbox and UTC day, in the pod that held the inbox at that moment.
create table usage_days (
    account_id  uuid not null,
    day         date not null,
    pod_id      uuid not null default '00000000-0000-0000-0000-000000000000',
    inbox_id    uuid not null,
    received    bigint not null default 0,
    sent        bigint not null default 0,
    bounced     bigint not null default 0,
    stored_bytes bigint not null default 0,
    primary key (account_id, day, pod_id, inbox_id)
) with (fillfactor = 80);
