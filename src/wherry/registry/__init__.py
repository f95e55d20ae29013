"""REST semantics over the store, and the only code that writes: decode, default, admit, validate, store."""
