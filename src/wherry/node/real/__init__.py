"""Nodes whose pods run programs: the agent's `Runtime` over an `Engine`, with volumes, logs, probes and hooks that are real."""
