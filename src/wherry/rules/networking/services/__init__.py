"""Addresses, ports and families of Services, and the ranges that they come from."""
