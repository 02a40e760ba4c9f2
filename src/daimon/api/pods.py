"""Pods over HTTP: parse, call, answer."""
