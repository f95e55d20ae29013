"""Defaulting: what the reference fills in, one file per API group or kind; every default is idempotent."""
