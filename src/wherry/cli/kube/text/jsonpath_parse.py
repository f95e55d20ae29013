"""JSONPath templates to nodes; see `wherry.rules.jsonpath`."""

from wherry.rules.jsonpath.parse import parse

__all__ = ["parse"]
