"""The road from an accepted mail to a message, on the real database and with real reader processes."""
