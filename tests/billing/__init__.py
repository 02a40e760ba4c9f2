"""Tests of what an account pays for."""
