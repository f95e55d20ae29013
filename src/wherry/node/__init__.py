"""The node agent: pod workers over a runtime."""
