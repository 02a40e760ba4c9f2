"""Accounts: who owns inboxes, pays, and is limited."""
