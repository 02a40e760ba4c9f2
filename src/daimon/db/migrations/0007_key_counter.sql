-- How many keys of an account are not revoked, kept beside its other counters, so that a list says it without counting.
-- Keys are made and revoked in many places, some of them many at a time: here none is forgotten.
create index keys_ending on keys (account_id, expires_at) where status = 'active' and expires_at is not null;

insert into quotas (account_id, quota, used)
select account_id, 'keys', count(*) from keys where status = 'active' group by account_id;

create function count_made_keys() returns trigger language plpgsql as $$
begin
    insert into quotas as q (account_id, quota, used)
    select account_id, 'keys', count(*) from made where status = 'active' group by account_id order by account_id
    on conflict (account_id, pod_id, quota) do update set used = q.used + excluded.used;
    return null;
end $$;

create function count_ended_keys() returns trigger language plpgsql as $$
begin
    update quotas q set used = q.used + d.change
    from (
        select account_id, sum(change) as change from (
            select account_id, 1 as change from after where status = 'active'
            union all select account_id, -1 from before where status = 'active'
        ) c group by account_id having sum(change) <> 0 order by account_id
    ) d
    where q.account_id = d.account_id and q.pod_id = '00000000-0000-0000-0000-000000000000' and q.quota = 'keys';
    return null;
end $$;

create trigger count_made after insert on keys
    referencing new table as made for each statement execute function count_made_keys();
create trigger count_ended after update on keys
    referencing old table as before new table as after for each statement execute function count_ended_keys();
