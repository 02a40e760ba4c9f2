"""Members and teams: the people of an account, and what their roles let them do."""
