"""The parsed form of a JSONPath template; see `wherry.rules.jsonpath`."""

from wherry.rules.jsonpath.nodes import (
    Action,
    Field,
    Filter,
    JsonPathError,
    Literal,
    Recursive,
    Slice,
    Step,
    Template,
    Union,
    Wildcard,
    Word,
)

__all__ = [
    "Action", "Field", "Filter", "JsonPathError", "Literal", "Recursive", "Slice", "Step", "Template", "Union", "Wildcard", "Word",
]  # fmt: skip
