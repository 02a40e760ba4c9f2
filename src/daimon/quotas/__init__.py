"""What an account may use: the tier table, and exact counters that are spent where the thing is made."""
