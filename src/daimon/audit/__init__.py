"""The audit trail: who changed what, from where, in one chain of hashes per account."""
