"""Webhooks: each event of an account, pod or inbox, sent to a URL at least once, and a log of what came of it."""
