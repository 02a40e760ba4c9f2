"""Billing against localstripe, a process of its own, with a stand-in for what that has not."""
