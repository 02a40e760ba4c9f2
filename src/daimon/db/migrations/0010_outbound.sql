-- Sent mail: what became of each recipient, and the queue of what is still to be sent.

-- One recipient of a message. `attempts` is the history that is shown: a JSON array, the oldest first.
create table deliveries (
    account_id       uuid not null,
    id               uuid not null,
    message_id       uuid not null,
    recipient        text not null,
    kind             text not null check (kind in ('to', 'cc', 'bcc')),
    status           text not null check (status in
                         ('queued', 'sent', 'deferred', 'delivered', 'bounced', 'failed', 'suppressed', 'cancelled')),
    attempts         jsonb not null default '[]',
    next_attempt_at  timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    primary key (account_id, id)
) with (fillfactor = 80);
create index deliveries_of_message on deliveries (account_id, message_id, id);

-- A delivery that is not decided; of a mail of the server's own there is no other trace. `ready`: may be taken now. Not
-- ready: waits until `due_at`, put off or leased to a worker; a lease that is not renewed ends, as a wait does.
create table outbound_queue (
    account_id     uuid not null,
    id             uuid not null,        -- also the id in deliveries
    message_id     uuid,                 -- null: mail of the server's own
    inbox_id       uuid,
    raw_id         uuid not null,        -- in raw_mails
    mail_from      text,
    recipient      text not null,
    destination    text not null,        -- the recipient's domain
    smtputf8       boolean not null,
    size           integer not null,
    attempt_count  smallint not null default 0,
    queued_at      timestamptz not null,
    ready          boolean not null default true,
    due_at         timestamptz not null,
    leased_by      uuid,
    primary key (account_id, id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index outbound_ready on outbound_queue (destination, account_id, id) where ready;
create index outbound_due on outbound_queue (due_at) where not ready;
create index outbound_leased on outbound_queue (leased_by) where leased_by is not null;
create index outbound_of_message on outbound_queue (account_id, message_id) where message_id is not null;
create index outbound_of_raw on outbound_queue (account_id, raw_id);

call raise_walls();
