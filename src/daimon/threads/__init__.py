"""Threads: messages that answer each other, in one inbox."""
