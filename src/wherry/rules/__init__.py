"""The verbs of Kubernetes as pure functions of data: no I/O, no clock, no randomness (both come in as arguments)."""
