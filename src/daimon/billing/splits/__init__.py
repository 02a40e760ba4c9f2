"""Billing splits: every cent of a month's cost, allocated to pods, teams or cost centres."""
