"""The pure mail library, by tables of examples and by properties."""
