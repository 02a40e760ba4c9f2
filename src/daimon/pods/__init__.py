"""Pods: groups of inboxes within an account, with keys, limits and a subdomain of their own."""
