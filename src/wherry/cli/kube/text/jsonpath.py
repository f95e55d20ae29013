"""JSONPath templates applied to an object; see `wherry.rules.jsonpath`."""

from wherry.rules.jsonpath.find import find, relaxed, render

__all__ = ["find", "relaxed", "render"]
