-- What drafts hold, counted anew with the table locked: of what servers wrote while 0019 counted, some was left out, and
-- a draft that takes more off its counter than is there could be neither sent nor deleted.
lock table drafts in share row exclusive mode;

insert into quotas as q (account_id, quota, used)
select account_id, 'draft_octets', sum(draft_octets(status, content)) from drafts group by account_id
on conflict (account_id, pod_id, quota) do update set used = excluded.used where q.used <> excluded.used;

-- Sent drafts count nothing, and those of many accounts are deleted together: that waits for nobody's counter.
create or replace function count_deleted_drafts() returns trigger language plpgsql as $$
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
