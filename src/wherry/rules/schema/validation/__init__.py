"""Validation: what is wrong with an object, or with a change of one, as a list of causes."""
