"""The form of the built-in kinds: `decode`, `defaults`, `validation`, first objects (`initial`)."""
