"""Wiring: what each role is made of. The only place that knows both the settings and the parts.

A module a role, so that a process loads its own parts alone: that is most of what a start takes.
"""
