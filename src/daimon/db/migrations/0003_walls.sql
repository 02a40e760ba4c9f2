-- Row-level security: a second wall behind the `account_id = $n` of every statement.
--
-- `daimon_api` answers requests and sees the rows of one account, the one in the setting `daimon.account`; without it,
-- none. `daimon_jobs` (SMTP, workers) works for many accounts at once and sees all. Neither may go around the policies:
-- neither owns a table, and both are entered by `SET ROLE` when a connection opens.
do $$
declare
    each text;
begin
    foreach each in array array['daimon_api', 'daimon_jobs'] loop
        if not exists (select from pg_roles where rolname = each) then
            begin
                execute format('create role %I nologin nosuperuser nobypassrls', each);
            exception when duplicate_object or unique_violation then
                null;  -- another database of this server was migrated at the same moment
            end;
        end if;
        if not pg_has_role(each, 'set') then
            execute format('grant %I to current_user', each);
        end if;
    end loop;
end $$;

do $$
begin
    execute format('grant usage on schema %I to daimon_api, daimon_jobs', current_schema());
    execute format('grant select, insert, update, delete on all tables in schema %I to daimon_api, daimon_jobs',
                   current_schema());
    execute format('alter default privileges in schema %I grant select, insert, update, delete on tables to daimon_api, daimon_jobs',
                   current_schema());
end $$;
revoke insert, update, delete on schema_migrations from daimon_api, daimon_jobs;
revoke update on audit from daimon_api, daimon_jobs;  -- append-only; what is too old is deleted by a worker
revoke delete on audit from daimon_api;

-- The account of the running request. In a policy it stands as a sub-select, so that it is read once a statement.
create function current_account() returns uuid stable parallel safe language sql
    return nullif(current_setting('daimon.account', true), '')::uuid;

-- Every table with an account_id but those that are asked before an account is known, which are keyed by what is
-- looked up (an address, the hash of a secret) and hold nothing else of value.
create procedure raise_walls() language plpgsql as $$
declare
    each regclass;
begin
    for each in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id'
        where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace and not c.relrowsecurity
          and c.relname not in ('addresses', 'subdomains', 'key_secrets', 'links', 'operator_emails')
    loop
        execute format('alter table %s enable row level security', each);
        execute format('create policy jobs on %s to daimon_jobs using (true)', each);
        execute format('create policy tenant on %s to daimon_api using (account_id = (select current_account()))', each);
    end loop;
end $$;
call raise_walls();

-- Responses to requests without a key belong to no account.
drop policy tenant on idempotency;
create policy tenant on idempotency to daimon_api
    using (account_id in ((select current_account()), '00000000-0000-0000-0000-000000000000'));

-- Whom a secret speaks for. It is asked before there is an account, so it looks over the wall, by the hash alone.
create function find_principal(secret_hash bytea) returns table (
    key_id uuid, scope text, pod_id uuid, inbox_id uuid, member_id uuid, name text, permissions text[],
    networks cidr[], key_status text, expires_at timestamptz, valid_until timestamptz, member_status text,
    pod_status text, grants json, account accounts
) stable security definer language sql
begin atomic
    select k.id, k.scope, k.pod_id, k.inbox_id, k.member_id, k.name, k.permissions, k.networks, k.status, k.expires_at,
           s.valid_until, m.status, p.status,
           case when k.member_id is not null then (
               select json_agg(json_build_array(g.role, g.pod_id)) from grants g
               where g.account_id = k.account_id and g.holder_id = any(array(  -- with `or`, no index is used
                   select k.member_id union all
                   select team_id from team_members t
                   where t.account_id = k.account_id and t.member_id = k.member_id))
           ) end,
           a
    from key_secrets s
    join keys k on k.account_id = s.account_id and k.id = s.key_id
    join accounts a on a.account_id = s.account_id
    left join members m on m.account_id = k.account_id and m.id = k.member_id
    left join pods p on p.account_id = k.account_id and p.id = k.pod_id
    where s.hash = secret_hash;
end;
revoke execute on function find_principal from public;
grant execute on function find_principal to daimon_api, daimon_jobs;
