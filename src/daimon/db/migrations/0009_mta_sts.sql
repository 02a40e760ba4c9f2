-- MTA-STS policies of the domains that mail goes to (RFC 8461), no tenant's: a restart must not forget what was promised,
-- or who stands in the way of the next fetch would have mail in clear text.
create table mta_sts_policies (
    domain      text primary key,
    id          text not null,           -- of the `_mta-sts` record that it was fetched for
    mode        text not null check (mode in ('enforce', 'testing', 'none')),
    mx          text[] not null,
    fetched_at  timestamptz not null,
    expires_at  timestamptz not null
);
create index mta_sts_policies_ending on mta_sts_policies (expires_at);
