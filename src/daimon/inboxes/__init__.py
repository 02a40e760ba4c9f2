"""Inboxes: addresses that agents own."""
