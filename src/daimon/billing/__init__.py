"""What an account pays for: its cost, how it is split, and what is to be expected."""
