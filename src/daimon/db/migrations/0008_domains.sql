-- Domains of accounts' own, and the keys that sign mail from them.
create table domains (
    account_id          uuid not null,
    id                  uuid not null,
    pod_id              uuid,                -- whose it is; null: the account's own
    domain              text not null,       -- in lower case and A-labels
    status              text not null check (status in ('pending', 'verified', 'failed')),
    reason              text,                -- why it failed
    token               text not null,       -- what the ownership record shows
    catch_all_inbox_id  uuid,
    seen                json not null default '{}',  -- what DNS said last, by question; null: nobody answered
    client_id           text,
    pending_since       timestamptz not null,
    checked_at          timestamptz,
    verified_at         timestamptz,
    missing_since       timestamptz,         -- since when a verified domain shows its token no more
    next_check_at       timestamptz,         -- null: only when somebody asks
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    primary key (account_id, id),
    unique (account_id, domain)
);
create index domains_by_pod on domains (account_id, pod_id, id) where pod_id is not null;
create index domains_to_check on domains (next_check_at) where next_check_at is not null;

-- Whose a domain is: looked up by SMTP and by the sending road, which know no account yet.
create table verified_domains (
    domain              text primary key,
    account_id          uuid not null,
    domain_id           uuid not null,
    catch_all_inbox_id  uuid
);
create index verified_domains_of_account on verified_domains (account_id);

-- Private keys, sealed. Those of the service domain are nobody's: account and domain_id are nil.
create table dkim_keys (
    account_id  uuid not null,
    domain_id   uuid not null,
    domain      text not null,
    selector    text not null,
    algorithm   text not null check (algorithm in ('rsa', 'ed25519')),
    stage       text not null check (stage in ('next', 'current', 'retired')),
    box         bytea not null,
    record      text not null,               -- what is published
    created_at  timestamptz not null,
    retired_at  timestamptz,
    primary key (account_id, domain_id, selector)
);
create index dkim_keys_retired on dkim_keys (retired_at) where retired_at is not null;

call raise_walls();

-- Who has a domain is no secret, and everybody may look: it is written by its account alone.
create policy looked_up on verified_domains for select to daimon_api using (true);
