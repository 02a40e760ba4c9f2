-- Pods, members, teams and their grants; keys of every scope; the account's life; the audit trail.

-- A pod groups inboxes of an account: a customer, an environment, a team's agents. Deleted rows go at once.
create table pods (
    account_id         uuid not null,
    id                 uuid not null,
    name               text not null,
    description        text,
    subdomain          text,
    client_id          text,
    metadata           json not null default '{}',
    status             text not null default 'active' check (status in ('active', 'suspended')),
    max_inboxes        bigint,            -- null: the account's own limit alone
    max_sends_per_day  bigint,
    cost_center        text,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    primary key (account_id, id)
);

-- Whose subdomain of the service domain it is; looked up before an account is known. While an address under it is held,
-- it stays with its account, if in no pod of it any more.
create table subdomains (
    subdomain   text primary key,
    domain      text not null,           -- the whole one: `acme.daimon.email`
    account_id  uuid not null,
    pod_id      uuid
);
create index subdomains_left on subdomains (account_id) where pod_id is null;
create index inboxes_by_domain on inboxes (account_id, domain, id);
create index subdomains_of_account on subdomains (account_id);

alter table keys drop constraint keys_scope_check;
alter table keys
    add constraint keys_scope_check check (scope in ('account', 'pod', 'inbox', 'member')),
    add column member_id         uuid,
    add column networks          cidr[],            -- null: from anywhere
    add column used_permissions  text[] not null default '{}',
    add column client_id         text,
    add column revoked_at        timestamptz,
    add column made_by_member    boolean not null default false;  -- whether `created_by` is a member, not a key
create index keys_by_status on keys (account_id, status, id);
create index keys_by_scope on keys (account_id, scope, status, id);
create index keys_by_name on keys (account_id, (name collate "C")) where name is not null;
create index keys_expiring on keys (account_id, id) where status = 'active' and expires_at is not null;
create index keys_of_pod on keys (account_id, pod_id, status, id) where pod_id is not null;
create index keys_of_member on keys (account_id, member_id, id) where member_id is not null;

create table members (
    account_id  uuid not null,
    id          uuid not null,
    email       text not null,           -- in lower case
    name        text,
    status      text not null check (status in ('invited', 'active', 'disabled')),
    client_id   text,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (account_id, id),
    unique (account_id, email)
);
create index members_by_status on members (account_id, status, id);

create table teams (
    account_id    uuid not null,
    id            uuid not null,
    name          text not null,
    description   text,
    client_id     text,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    member_count  integer not null default 0,
    primary key (account_id, id)
);

create table team_members (
    account_id  uuid not null,
    team_id     uuid not null,
    member_id   uuid not null,
    primary key (account_id, team_id, member_id)
);
create index teams_of_member on team_members (account_id, member_id);

-- What a team or a member may do, in one pod or (pod_id of zeros) in the whole account.
create table grants (
    account_id  uuid not null,
    holder_id   uuid not null,           -- a team or a member
    pod_id      uuid not null default '00000000-0000-0000-0000-000000000000',
    role        text not null check (role in ('owner', 'admin', 'developer', 'agent_operator', 'viewer', 'billing')),
    primary key (account_id, holder_id, pod_id, role)
);
create index grants_in_pod on grants (account_id, pod_id);
create index owners on grants (account_id, holder_id)
    where role = 'owner' and pod_id = '00000000-0000-0000-0000-000000000000';

-- Single-use links: an invitation, the check of an e-mail address, a recovery. Only a SHA-256 is kept of what is in them.
create table links (
    hash        bytea primary key,
    account_id  uuid not null,
    purpose     text not null check (purpose in ('invitation', 'email', 'recovery')),
    subject_id  uuid,                     -- the member who is invited
    maker       text check (maker in ('owner', 'unrestricted', 'limited')),  -- of an invitation: what its maker could give
    email       text not null,
    expires_at  timestamptz not null
);
create index links_of_account on links (account_id, subject_id);
create index links_expired on links (expires_at);

-- Mail from the server itself, to a person. It waits here until a road to the address is open.
create table notices (
    account_id  uuid not null,
    id          uuid not null,
    recipient   text not null,
    subject     text not null,
    body        bytea not null,           -- sealed: the links in it are secrets; empty once it is sent
    created_at  timestamptz not null,
    due_at      timestamptz not null,     -- when the next road to the address is looked for
    sent_at     timestamptz,
    primary key (account_id, id)
);
create index notices_waiting on notices (id) where sent_at is null;
create index notices_due on notices (due_at) where sent_at is null;
create index notices_by_age on notices (created_at);
create index notices_sent on notices (sent_at) where sent_at is not null;

-- Who asked for a recovery, known here or not; the worker looks, so that the answer's time tells nothing.
create table recovery_requests (
    id     uuid primary key,
    email  text not null                  -- in lower case
);

-- How much mail strangers may cause: a bucket by what it counts (a hash), and when it will be full again.
create table mail_rates (
    counted  bytea primary key,
    full_at  timestamptz not null
);
create index mail_rates_full on mail_rates (full_at);

-- Organisations group accounts for one report; nothing is shared between them.
create table organisations (
    id          uuid primary key,
    name        text not null unique,
    created_at  timestamptz not null
);

alter table accounts
    add column operator_email_verified_at  timestamptz,
    add column status_reason               text,
    add column deleted_at                  timestamptz,  -- asked for; everything is erased 30 days later
    add column organisation_id             uuid;
create index accounts_deleted on accounts (deleted_at) where deleted_at is not null;
create index accounts_of_organisation on accounts (organisation_id) where organisation_id is not null;
create index addresses_of_inbox on addresses (account_id, inbox_id);
create index accounts_stopped on accounts (status, account_id) where status <> 'active';

-- Which accounts a verified address may recover.
create table operator_emails (
    email       text not null,           -- in lower case
    account_id  uuid not null,
    primary key (email, account_id)
);
create index operator_emails_of_account on operator_emails (account_id);

-- Every change, and each read of a mail by a key wider than its inbox's. `hash` covers the row and the hash before it.
create table audit (
    account_id  uuid not null,
    number      bigint not null,
    id          uuid not null,
    at          timestamptz not null,
    actor       text not null check (actor in ('key', 'member', 'anonymous', 'operator', 'system')),
    key_id      uuid,
    member_id   uuid,
    ip          text,
    request_id  text,
    action      text not null,
    target      text,                    -- the public id of what was changed
    pod_id      uuid,
    inbox_id    uuid,
    before      json,
    after       json,
    hash        bytea not null,
    primary key (account_id, number)
);
create index audit_of_target on audit (account_id, target, number) where target is not null;
create index audit_of_key on audit (account_id, key_id, number) where key_id is not null;

-- The end of each account's chain, and what came before its oldest row that is still kept. `seal` covers both.
create table audit_chains (
    account_id  uuid primary key,
    number      bigint not null,
    hash        bytea not null,
    kept_after  bigint not null default 0,
    kept_hash   bytea not null default '',
    seal        bytea not null,
    oldest_at   timestamptz           -- of the oldest row that is kept; null: none is
) with (fillfactor = 50);
create index audit_chains_oldest on audit_chains (oldest_at) where oldest_at is not null;

-- Of what is limited by the day: the UTC day that was counted last.
alter table quotas add column day date;

-- A rate: when the bucket will be full again. Spending moves it on; a bucket that is full before now is as good as new.
create table rates (
    account_id  uuid not null,
    pod_id      uuid not null default '00000000-0000-0000-0000-000000000000',
    rate        text not null,
    full_at     timestamptz not null,
    primary key (account_id, pod_id, rate)
) with (fillfactor = 50);

-- What runs at this moment and is limited in number; one whose process died is free again at `expires_at`.
create table leases (
    account_id  uuid not null,
    lease       text not null,
    id          uuid not null,
    expires_at  timestamptz not null,
    primary key (account_id, lease, id)
);

create index usage_days_by_inbox on usage_days (account_id, inbox_id, day);
create index usage_days_by_pod on usage_days (account_id, pod_id, day);

-- The same, added up for each pod and for the whole account: a report costs the same however many inboxes there are.
create table usage_pod_days (
    account_id  uuid not null,
    day         date not null,
    pod_id      uuid not null,
    received    bigint not null default 0,
    sent        bigint not null default 0,
    bounced     bigint not null default 0,
    stored_bytes bigint not null default 0,
    primary key (account_id, day, pod_id)
) with (fillfactor = 50);
create index usage_pod_days_by_pod on usage_pod_days (account_id, pod_id, day);
create table usage_account_days (
    account_id  uuid not null,
    day         date not null,
    received    bigint not null default 0,
    sent        bigint not null default 0,
    bounced     bigint not null default 0,
    stored_bytes bigint not null default 0,
    primary key (account_id, day)
) with (fillfactor = 50);
insert into usage_pod_days
    select account_id, day, pod_id, sum(received), sum(sent), sum(bounced), sum(stored_bytes)
    from usage_days group by account_id, day, pod_id;
insert into usage_account_days
    select account_id, day, sum(received), sum(sent), sum(bounced), sum(stored_bytes)
    from usage_days group by account_id, day;
