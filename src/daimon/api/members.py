"""Members over HTTP: parse, call, answer."""
