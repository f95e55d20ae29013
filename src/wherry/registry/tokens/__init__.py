"""The cluster's issuer of tokens: its key, what it signs, and what it takes for its own."""
