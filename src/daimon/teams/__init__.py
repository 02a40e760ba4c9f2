"""Members and teams of an account, and what they are granted."""
