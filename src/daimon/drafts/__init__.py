"""Mails that are being written, and those that are sent at a moment of their own."""
