"""Domains of accounts' own: claimed, proven by DNS, looked after, and signed for."""
