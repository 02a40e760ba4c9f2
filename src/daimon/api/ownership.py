"""An account's ownership over HTTP: its verified address, recovery, deletion and export."""
