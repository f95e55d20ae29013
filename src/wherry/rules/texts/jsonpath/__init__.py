"""JSONPath in the dialect of kubectl and of CustomResourceDefinitions: parsed by `parse`, applied by `find`."""

from wherry.rules.texts.jsonpath.find import find, relaxed, render
from wherry.rules.texts.jsonpath.nodes import JsonPathError
from wherry.rules.texts.jsonpath.parse import parse

__all__ = ["JsonPathError", "find", "parse", "relaxed", "render"]
