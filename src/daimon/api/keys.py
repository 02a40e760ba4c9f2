"""Keys over HTTP: parse, call, answer."""
