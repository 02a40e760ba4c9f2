-- Messages in the last lease that they may have: once it ran out, they are dead letters. Without this list, somebody
-- would have to look for them in every queue.
create table last_leases (
    account_id    uuid not null,
    message_id    uuid not null,
    inbox_id      uuid not null,
    leased_until  timestamptz not null,
    primary key (account_id, message_id)
);
create index last_leases_of_inbox on last_leases (account_id, inbox_id, leased_until);
create index last_leases_by_time on last_leases (leased_until);

insert into last_leases (account_id, message_id, inbox_id, leased_until)
select account_id, id, inbox_id, leased_until from messages
where handled_at is null and deleted_at is null and direction = 'inbound' and claim_count >= 5
    and leased_until is not null;

call raise_walls();
