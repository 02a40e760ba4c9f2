"""What was used, over HTTP."""
