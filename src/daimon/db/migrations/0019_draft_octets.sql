-- How much the drafts of an account hold that were not sent, kept beside its other counters: drafts are written,
-- changed, sent, deleted and erased in many places, some of them many at a time. Each counts 1 KiB more than its
-- content, so that their number is bounded with their size. What a draft says is erased when it is sent; from then on
-- it counts nothing.
create function draft_octets(status text, content bytea) returns bigint language sql immutable as $$
    select case when status = 'sent' then 0 else octet_length(content) + 1024 end
$$;

-- Servers write meanwhile: what came between the count and the triggers would be missing, and could not be taken off.
lock table drafts in share row exclusive mode;

insert into quotas (account_id, quota, used)
select account_id, 'draft_octets', sum(draft_octets(status, content)) from drafts group by account_id;

create function count_made_drafts() returns trigger language plpgsql as $$
begin
    insert into quotas as q (account_id, quota, used)
    select account_id, 'draft_octets', sum(draft_octets(m.status, m.content)) from made m
    group by account_id order by account_id
    on conflict (account_id, pod_id, quota) do update set used = q.used + excluded.used;
    return null;
end $$;

create function count_changed_drafts() returns trigger language plpgsql as $$
begin
    update quotas q set used = q.used + d.change
    from (
        select account_id, sum(change) as change from (
            select account_id, draft_octets(a.status, a.content) as change from after a
            union all select account_id, -draft_octets(b.status, b.content) from before b
        ) c group by account_id having sum(change) <> 0 order by account_id
    ) d
    where q.account_id = d.account_id and q.pod_id = '00000000-0000-0000-0000-000000000000'
        and q.quota = 'draft_octets';
    return null;
end $$;

-- Sent drafts, which count nothing, are deleted many at a time: that waits for nobody's counter.
create function count_deleted_drafts() returns trigger language plpgsql as $$
begin
    update quotas q set used = q.used - d.octets
    from (
        select account_id, sum(draft_octets(g.status, g.content)) as octets from gone g
        group by account_id having sum(draft_octets(g.status, g.content)) <> 0 order by account_id
    ) d
    where q.account_id = d.account_id and q.pod_id = '00000000-0000-0000-0000-000000000000'
        and q.quota = 'draft_octets';
    return null;
end $$;

create trigger count_made after insert on drafts
    referencing new table as made for each statement execute function count_made_drafts();
create trigger count_changed after update on drafts
    referencing old table as before new table as after for each statement execute function count_changed_drafts();
create trigger count_deleted after delete on drafts
    referencing old table as gone for each statement execute function count_deleted_drafts();
