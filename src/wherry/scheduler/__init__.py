"""Binds pods to nodes: gather a snapshot, call the rule, bind."""
