"""Auditing as pure rules: what a policy says about a request, and what is written about it."""
