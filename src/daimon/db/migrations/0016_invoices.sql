-- What an account pays for, as Stripe says it, and the links by which a person pays.

-- One customer, and at most one subscription, of an account. `version` counts what was applied: whoever reads from
-- Stripe and finds it changed when he writes has read too early.
create table billing_accounts (
    account_id            uuid primary key,
    customer_id           text not null,          -- cus_…
    version               bigint not null default 0,
    subscription_id       text,                   -- sub_…; the last one, when it has ended too
    status                text,                   -- Stripe's word
    tier                  text,                   -- what its price is for
    gives                 text,                   -- the tier that it gives now; null: none
    price_id              text,
    amount                bigint,                 -- of a period, in minor units of the currency
    currency              text,
    period                text,                   -- how long one is, in Stripe's words: 'month', 'year'
    current_period_start  timestamptz,
    current_period_end    timestamptz,
    trial_end             timestamptz,
    cancel_at             timestamptz,            -- when it ends, if that is decided
    past_due_since        timestamptz,
    warnings              integer not null default 0,  -- of the grace that runs, how many were given
    ended_by_deletion     boolean not null default false,
    due_at                timestamptz,            -- when a worker has to look at it next
    checkout_id           text,                   -- cs_…: the one session in which somebody may be paying now
    created_at            timestamptz not null,
    updated_at            timestamptz not null
);
create index billing_accounts_due on billing_accounts (due_at) where due_at is not null;

-- Whose a customer of Stripe's is: asked by a webhook, which knows no account yet.
create table stripe_customers (
    customer_id  text primary key,
    account_id   uuid not null
);
create index stripe_customers_of_account on stripe_customers (account_id);

-- The events of Stripe's that were applied, each once.
create table stripe_events (
    account_id   uuid not null,
    id           text not null,                   -- evt_…
    type         text not null,
    created_at   timestamptz not null,            -- at Stripe
    received_at  timestamptz not null,
    primary key (account_id, id)
);
create index stripe_events_received on stripe_events (received_at);

-- Links to pay by. One in the answer to a refused request is in here only once somebody has followed it.
create table upgrade_links (
    account_id   uuid not null,
    hash         bytea not null,                  -- SHA-256 of its secret part
    target_tier  text not null,
    reason       text,                            -- what the agent asks for it with
    asked        boolean not null,                -- by POST /v1/upgrade-link
    state        text not null check (state in ('open', 'checkout', 'cancelled', 'paid')),
    checkout_id  text,
    expires_at   timestamptz not null,
    created_at   timestamptz not null,
    paid_at      timestamptz,
    primary key (account_id, hash)
);
create index upgrade_links_by_checkout on upgrade_links (account_id, checkout_id) where checkout_id is not null;
create index upgrade_links_expired on upgrade_links (expires_at);

create table invoices (
    account_id    uuid not null,
    id            text not null,                  -- in_…
    number        text,
    status        text not null check (status in ('draft', 'open', 'paid', 'uncollectible', 'void')),
    currency      text not null,                  -- in lower case
    total         bigint not null,                -- in minor units; negative: a credit
    period_start  timestamptz not null,
    period_end    timestamptz not null,
    hosted_url    text,
    pdf_url       text,
    finalized_at  timestamptz,
    created_at    timestamptz not null,
    primary key (account_id, id)
);
create index invoices_newest on invoices (account_id, created_at, id);

create table invoice_lines (
    account_id    uuid not null,
    invoice_id    text not null,
    position      integer not null,
    description   text,
    amount        bigint not null,                -- in minor units; negative: a credit, such as for time not used
    currency      text not null,
    period_start  timestamptz not null,
    period_end    timestamptz not null,
    proration     boolean not null,
    primary key (account_id, invoice_id, position)
);

-- The nightly comparison with Stripe: each night has one row, and whoever inserts it does the work.
create table billing_reconciliations (
    day          date primary key,
    started_at   timestamptz not null,
    finished_at  timestamptz,
    report       json
);

call raise_walls();

-- Whose customer somebody is tells nothing of an account: everybody may look, and the account alone writes.
create policy looked_up on stripe_customers for select to daimon_api using (true);
