"""Objects that every cluster has from its start, and that nobody asks for: as plain data, for `registry.initial` to store."""
