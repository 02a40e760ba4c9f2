"""Whom an inbox hears from and writes to: lists of allowed and blocked addresses and domains."""
