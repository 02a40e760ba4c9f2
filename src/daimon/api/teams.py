"""Teams over HTTP: parse, call, answer."""
