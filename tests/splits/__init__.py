"""Tests of what is used, and of how its cost is split."""
