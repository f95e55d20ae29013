"""How a write becomes an object: `patch`, and who owns which field (`managed_fields`)."""
