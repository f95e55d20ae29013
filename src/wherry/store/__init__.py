"""An ordered log of object versions behind one protocol: memory, SQLite. Knows no kind."""
