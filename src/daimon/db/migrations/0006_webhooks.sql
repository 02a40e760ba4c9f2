-- Webhooks. No row is written for an event that nobody has tried to deliver: each webhook has a `cursor` into its
-- account's sequence, and what comes behind it is read from there.
create table webhooks (
    account_id       uuid not null,
    id               uuid not null,
    pod_id           uuid,                -- whose it is; null: the account's own
    inbox_id         uuid,                -- events of this inbox alone
    url              text not null,
    description      text,
    events           text[] not null default '{}',  -- empty: all
    secret           bytea not null,      -- sealed
    previous_secret  bytea,               -- signs too until previous_until
    previous_until   timestamptz,
    status           text not null default 'active' check (status in ('active', 'unhealthy', 'disabled')),
    disabled_reason  text,
    failure_count    int not null default 0,        -- attempts in a row that failed
    last_delivered_at timestamptz,
    client_id        text,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    cursor           bigint not null,     -- the last event that was tried, or passed over as not wanted
    not_before       timestamptz,         -- nothing is sent earlier: the endpoint asked for it, or it is unhealthy
    wake_at          timestamptz,         -- when a worker takes it though nothing happened: since its lease, in case that worker dies
    leased_by        uuid,                -- the worker that sends
    leased_until     timestamptz,
    primary key (account_id, id)
) with (fillfactor = 70);
create index webhooks_to_wake on webhooks (wake_at) where wake_at is not null;
create index webhooks_of_account on webhooks (account_id) where pod_id is null and inbox_id is null;
create index webhooks_by_pod on webhooks (account_id, pod_id) where pod_id is not null;
create index webhooks_by_inbox on webhooks (account_id, inbox_id) where inbox_id is not null;

-- One event for one webhook, once it was tried. `attempts` holds what came of each try (webhooks/models.py, Attempt).
create table webhook_deliveries (
    account_id       uuid not null,
    id               uuid not null,
    webhook_id       uuid not null,
    sequence         bigint not null,
    event_id         uuid not null,
    event            text not null,
    replay_id        uuid,                -- sent again because a replay asked for it
    status           text not null check (status in ('pending', 'succeeded', 'failed')),
    attempt_count    int not null,
    attempts         json not null,
    next_attempt_at  timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    primary key (account_id, id)
) with (fillfactor = 80);
create index webhook_deliveries_listed on webhook_deliveries (account_id, webhook_id, id);
create index webhook_deliveries_due on webhook_deliveries (account_id, webhook_id, next_attempt_at)
    where next_attempt_at is not null;
create index webhook_deliveries_by_age on webhook_deliveries using brin (created_at);

-- A range of events that is sent again, walked a little at a time like the sequence itself.
create table webhook_replays (
    account_id       uuid not null,
    id               uuid not null,
    webhook_id       uuid not null,
    events           text[] not null default '{}',
    cursor           bigint not null,     -- the last event that was sent again or passed over
    until            bigint not null,     -- the last event of the range
    created_at       timestamptz not null,
    finished_at      timestamptz,
    primary key (account_id, id)
);
create index webhook_replays_open on webhook_replays (account_id, webhook_id, id) where finished_at is null;

call raise_walls();
