"""What happened, in one gap-free sequence per account, written by the transaction that made it happen."""
