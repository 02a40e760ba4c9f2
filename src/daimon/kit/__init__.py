"""Small things that know nothing of mail or tenants: ids, clock, errors, paging, crypto, log."""
