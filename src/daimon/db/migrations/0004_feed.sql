-- Reading the sequence of events. An event's id ends in its number, so that an id is found by the primary key.
update events set id = (left(id::text, 24) || lpad(to_hex(sequence), 12, '0'))::uuid;

-- What a narrow key reads is found without walking the whole account's events.
create index events_by_inbox on events (account_id, inbox_id, sequence) where inbox_id is not null;
create index events_by_pod on events (account_id, pod_id, sequence) where pod_id is not null;
