"""Mail coming in: accepted durably, then understood, then shown."""
