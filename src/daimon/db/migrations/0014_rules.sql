-- Whom inboxes hear from and write to: rules that people make, and addresses that sent mail back.

-- `holder_id` is whose list a rule is in: an inbox, a pod, or zeros for the account.
create table rules (
    account_id  uuid not null,
    id          uuid not null,
    holder_id   uuid not null,
    pod_id      uuid,                -- of a pod's rule
    inbox_id    uuid,                -- of an inbox's rule
    direction   text not null check (direction in ('inbound', 'outbound')),
    action      text not null check (action in ('allow', 'block')),
    value       text not null,       -- an address, or a domain, which stands for its subdomains too
    reason      text,
    client_id   text,
    created_at  timestamptz not null,
    primary key (account_id, id)
);
create unique index rules_judged on rules (account_id, holder_id, direction, action, value);

-- Addresses that no mail is sent to any more, from the inboxes of a pod or (pod_id of zeros) from those in none.
create table suppressions (
    account_id  uuid not null,
    pod_id      uuid not null default '00000000-0000-0000-0000-000000000000',
    address     text not null,       -- in lower case and A-labels
    reason      text not null check (reason in ('bounce', 'complaint', 'manual')),
    message_id  uuid,                -- the sent mail that came back
    detail      text,
    created_at  timestamptz not null,
    primary key (account_id, pod_id, address)
);
create index suppressions_newest on suppressions (account_id, created_at, pod_id, address);
create index suppressions_newest_of_pod on suppressions (account_id, pod_id, created_at, address);
create index suppressions_by_address on suppressions (account_id, address);

-- A blocked mail counts as deleted until it is released, so that whatever shows, counts or hands out mail passes it by.
alter table messages add column blocked_at timestamptz;
create index messages_blocked on messages (account_id, inbox_id, id) where blocked_at is not null;
create index messages_blocked_erasable on messages (blocked_at) where blocked_at is not null;

call raise_walls();
