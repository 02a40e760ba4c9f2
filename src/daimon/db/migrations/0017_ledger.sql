-- The usage ledger, where inboxes were, and how the cost of a month is split.

-- What was used, a line for each kind and inbox of a transaction, written with the sums in usage_days. Nothing is ever
-- changed: a correction is a line of its own. By month, so that what is too old goes as a whole; the sums stay.
create table usage_lines (
    account_id  uuid not null,
    day         date not null,            -- that it is counted in
    id          uuid not null,
    pod_id      uuid not null,            -- zeros: none
    inbox_id    uuid not null,
    kind        text not null check (kind in ('received', 'sent', 'bounced', 'stored_bytes')),
    quantity    bigint not null check (quantity <> 0),
    corrects    date,                     -- the day that it is of, where that day's month was closed before
    reason      text,                     -- of a correction
    at          timestamptz not null default now(),
    primary key (account_id, day, id)
) partition by range (day);
create index usage_lines_late on usage_lines (account_id, day) where corrects is not null;
create table usage_lines_other partition of usage_lines default;  -- of days that no month is there for

alter table usage_lines enable row level security;
create policy jobs on usage_lines to daimon_jobs using (true);
create policy tenant on usage_lines to daimon_api using (account_id = (select current_account()));
revoke update, delete on usage_lines, usage_lines_other from daimon_api;  -- append-only; an account that is erased
revoke update on usage_lines, usage_lines_other from daimon_jobs;         -- takes its lines with it

-- Give a month a place of its own, unless lines of it are elsewhere already.
create procedure add_usage_month(wanted date) language plpgsql as $$
declare
    month date := date_trunc('month', wanted)::date;
    ending date := (date_trunc('month', wanted) + interval '1 month')::date;
    place text := 'usage_lines_' || to_char(wanted, 'YYYY_MM');
begin
    if to_regclass(place) is not null
       or exists (select from usage_lines_other where day >= month and day < ending) then
        return;
    end if;
    execute format('create table %I (like usage_lines including defaults including constraints)', place);
    execute format('alter table usage_lines attach partition %I for values from (%L) to (%L)', place, month, ending);
    execute format('revoke update, delete on %I from daimon_api', place);
    execute format('revoke update on %I from daimon_jobs', place);
    call raise_walls();
end $$;

-- Make places for this month and the next two, and drop the months before `kept`. A table is made and dropped by who
-- owns the others, whoever calls. Nobody waits long for it: it is tried again.
create function keep_usage_months(today date, kept date) returns int language plpgsql
    security definer set search_path from current set lock_timeout = '200ms' as $$
declare
    each text;
    dropped int := 0;
begin
    perform pg_advisory_xact_lock(hashtext('usage_lines'));  -- several workers take turns
    for ahead in 0..2 loop
        call add_usage_month((today + ahead * interval '1 month')::date);
    end loop;
    for each in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'usage_lines'::regclass and c.relname ~ '^usage_lines_\d{4}_\d{2}$'
          and c.relname < 'usage_lines_' || to_char(kept, 'YYYY_MM')
    loop
        execute format('drop table %I', each);
        dropped := dropped + 1;
    end loop;
    delete from usage_lines_other where day < date_trunc('month', kept);
    return dropped;
end $$;
revoke execute on function keep_usage_months from public;
grant execute on function keep_usage_months to daimon_jobs;

do $$
declare
    month date;
begin
    for month in
        select distinct date_trunc('month', day)::date from usage_account_days
        where day >= date_trunc('month', now()) - interval '12 months' and day < date_trunc('month', now())
    loop
        call add_usage_month(month);
    end loop;
    perform keep_usage_months(current_date, (date_trunc('month', now()) - interval '12 months')::date);
end $$;

-- What was metered before there was a ledger is its opening.
insert into usage_lines (account_id, day, id, pod_id, inbox_id, kind, quantity, reason)
select u.account_id, u.day, gen_random_uuid(), u.pod_id, u.inbox_id, k.kind, k.quantity, 'opening'
from usage_days u
cross join lateral (values ('received', received), ('sent', sent), ('bounced', bounced), ('stored_bytes', stored_bytes))
    as k (kind, quantity)
where k.quantity <> 0 and u.day >= date_trunc('month', now()) - interval '12 months';

-- Where inboxes were: in one pod (zeros: in none) from one day until another. The day of a move belongs to the pod that
-- the inbox came into, the day of its deletion to the pod that it was in.
create table inbox_placements (
    account_id  uuid not null,
    inbox_id    uuid not null,
    first       date not null,
    last        date not null default 'infinity',
    pod_id      uuid not null,
    primary key (account_id, inbox_id, first)
);
create index inbox_placements_ended on inbox_placements (account_id, last);
create index inbox_placements_begun on inbox_placements (account_id, first);
create index inbox_placements_old on inbox_placements (last) where last < 'infinity';
insert into inbox_placements (account_id, inbox_id, first, last, pod_id)
select account_id, id, (created_at at time zone 'utc')::date,
       case when deleted_at is null then 'infinity' else (greatest(deleted_at, created_at) at time zone 'utc')::date end,
       coalesce(pod_id, '00000000-0000-0000-0000-000000000000')
from inboxes;

-- What pods were called that are deleted: they stand in reports of the months in which they were.
create table former_pods (
    account_id   uuid not null,
    id           uuid not null,
    name         text not null,
    cost_center  text,
    created_at   timestamptz not null,
    deleted_at   timestamptz not null,
    primary key (account_id, id)
);
create index former_pods_by_age on former_pods (deleted_at);

-- What the server's operator charges an account, where it is not Stripe that does.
create table billing_charges (
    account_id   uuid not null,
    id           uuid not null,
    amount       bigint not null,         -- in minor units of the currency; negative: a credit
    currency     text not null,           -- in lower case
    first        date not null,           -- of the days that it is for
    last         date not null,
    description  text not null,
    created_at   timestamptz not null,
    primary key (account_id, id)
);

-- How an account splits its cost, since the first of a month.
create table split_settings (
    account_id  uuid not null,
    since       date not null,
    settings    json not null,
    updated_at  timestamptz not null,
    primary key (account_id, since)
);

-- Up to where an account's months are closed. Closing one: `open_from` moves on, so that nothing more is counted in it;
-- once every transaction has ended that may not have seen that (those before `barrier`), its report is written down.
create table split_books (
    account_id  uuid primary key,
    begun       date not null,            -- the first of the first month that they tell of
    open_from   date not null,            -- the first of the earliest month that is open
    closing     date,                     -- the month before it, while its report is not written down
    closing_at  timestamptz,
    barrier     xid8
);
create index split_books_open on split_books (open_from) where closing is null;
create index split_books_closing on split_books (closing_at) where closing is not null;

-- Reports of closed months, by currency. They never change.
create table split_reports (
    account_id  uuid not null,
    month       date not null,
    currency    text not null,
    summary     json not null,
    closed_at   timestamptz not null,
    primary key (account_id, month, currency)
);
create table split_report_lines (
    account_id    uuid not null,
    month         date not null,
    currency      text not null,
    place         integer not null,
    unit          text not null,          -- a public id, a cost centre, or `unallocated`
    name          text,
    corrects      date,                   -- the first of the closed month that it corrects
    received      bigint not null,
    sent          bigint not null,
    stored_bytes  bigint not null,
    inbox_days    bigint not null,
    amount        bigint not null,
    markup        bigint not null,
    primary key (account_id, month, currency, place)
);
revoke insert, update, delete on split_reports, split_report_lines from daimon_api;
revoke update on split_reports, split_report_lines from daimon_jobs;

-- What of the account's cost stands in the report of a closed month: whatever comes later is of an open one.
create table split_costs (
    account_id  uuid not null,
    cost_id     text not null,
    month       date not null,
    currency    text not null,
    primary key (account_id, cost_id)
);

call raise_walls();
