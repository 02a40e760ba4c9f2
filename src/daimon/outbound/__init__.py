"""Mail that leaves: where it goes, over which TLS, and how it is sent."""
