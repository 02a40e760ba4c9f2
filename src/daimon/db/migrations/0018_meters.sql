-- What was told to Stripe's meters of an account's use: the difference between a day's sum and what was told before.
-- The id is Stripe's identifier of it, so that what is told twice counts once.
create table meter_events (
    account_id   uuid not null,
    id           uuid not null,
    customer_id  text not null,
    day          date not null,
    kind         text not null,
    quantity     bigint not null check (quantity <> 0),
    at           timestamptz not null,
    due_at       timestamptz not null,    -- when it is told, or told again
    sent_at      timestamptz,
    primary key (account_id, day, kind, id)
);
create index meter_events_due on meter_events (due_at) where sent_at is null;
create index meter_events_old on meter_events (day);

call raise_walls();
