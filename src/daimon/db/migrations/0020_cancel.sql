-- Whether a worker was lost that had the mail in hand: it may have been sent, and whoever takes it back is told so.
alter table outbound_queue add column doubtful boolean not null default false;

-- Leases are renewed by the mails' own keys, so nothing looks for them by worker any more, and taking costs less.
drop index outbound_leased;
