"""Builds the parts of a cluster, starts them, stops them in order."""
