"""Reading an account's sequence of events: by a page, or following it, from any number on and within any reach."""
