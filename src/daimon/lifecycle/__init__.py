"""An account's life: verified address, recovery, export, deletion and erasure."""
