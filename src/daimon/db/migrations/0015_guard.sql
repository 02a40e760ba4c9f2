-- What the abuse guard counts. `recent` is the last hundred decided recipients, the newest last: 1 bounced, 0 did not.
-- Handed over and complaints are counted in windows of 15 days, this one and the one before. `crossed`: why the account
-- is to be looked at; a worker puts it under review and counts from nothing again.
create table send_health (
    account_id         uuid primary key,
    recent             text not null default '',
    handed_over        bigint not null default 0,
    handed_over_before bigint not null default 0,
    complaints         integer not null default 0,
    complaints_before  integer not null default 0,
    since              timestamptz not null default '-infinity',
    crossed            text
) with (fillfactor = 50);
create index send_health_crossed on send_health (account_id) where crossed is not null;

-- How many recipients one text had within five minutes.
create table send_bodies (
    account_id  uuid not null,
    body        bytea not null,
    recipients  integer not null,
    since       timestamptz not null,
    primary key (account_id, body)
);
create index send_bodies_by_age on send_bodies (since);

call raise_walls();
