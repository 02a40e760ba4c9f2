"""Mail by the RFCs, pure: no database, no network, nothing of ours but `kit`."""
