"""Admission: what happens to a write between defaulting and validation, plug-in by plug-in (Kubernetes admission controllers)."""
