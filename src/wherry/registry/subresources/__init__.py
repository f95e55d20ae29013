"""Subresources that are more than another view of the object: scale, binding, finalize."""
