"""Volumes and claims: how they find each other."""
