-- Working through an inbox: a message is leased to one caller at a time until it is handled.
alter table messages
    add column handled_at    timestamptz,
    add column lease_id      uuid,          -- of the last claim, until it is released
    add column leased_until  timestamptz,
    add column claim_count   smallint not null default 0;  -- claims that were not released

-- A lease changes no column of it, so that a claim writes no index.
create index messages_unhandled on messages (account_id, inbox_id, id)
    where handled_at is null and deleted_at is null and direction = 'inbound';
