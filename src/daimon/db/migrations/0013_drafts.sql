-- Mails that are being written, or wait for their moment. `content` is all of a draft, files included (MessagePack);
-- `summary` is what lists show.
create table drafts (
    account_id  uuid not null,
    id          uuid not null,
    inbox_id    uuid not null,
    status      text not null check (status in ('draft', 'scheduled', 'sent', 'failed')),
    send_at     timestamptz,
    next_at     timestamptz,          -- when a scheduled one is tried; later than `send_at` after a refusal for now
    content     bytea not null,
    summary     json not null,
    message_id  uuid,                 -- of the message that it became
    error       json,                 -- why it was not sent
    client_id   text,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (account_id, id)
);
alter table drafts alter column content set storage external;
create index drafts_in_inbox on drafts (account_id, inbox_id, id);
create index drafts_due on drafts (next_at) where status = 'scheduled';
create index drafts_sent on drafts (updated_at) where status = 'sent';

call raise_walls();
