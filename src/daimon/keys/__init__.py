"""API keys: what they are made of, whom they speak for, and the cache that makes a check free."""
