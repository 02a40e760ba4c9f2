"""Messages: mail as an agent reads it."""
