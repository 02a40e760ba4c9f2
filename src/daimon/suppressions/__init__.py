"""Addresses that mail came back from, or that complained: nothing is sent to them any more."""
