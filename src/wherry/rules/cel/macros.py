"""The macros of CEL: calls that bind a name, recognised while parsing.

`has`, `all`, `exists`, `exists_one`, `map`, `filter` of the language; `optMap`, `optFlatMap` of optional types; the two-variable forms
`all`, `exists`, `existsOne`, `transformList`, `transformMap`, `transformMapEntry`; `sortBy` of the lists.

Source of the rule: https://github.com/google/cel-spec/blob/master/doc/langdef.md#macros and cel-go's ext/README.md.
"""

from __future__ import annotations

from wherry.rules.cel.nodes import Fold, Ident, Node, OptMap, Select

#: macro name -> numbers of arguments with one variable
_ONE = {"all": (2,), "exists": (2,), "exists_one": (2,), "existsOne": (2,), "map": (2, 3), "filter": (2,), "sortBy": (2,)}
#: macro name -> numbers of arguments with two variables
_TWO = {"all": (3,), "exists": (3,), "existsOne": (3,), "exists_one": (3,), "transformList": (3, 4), "transformMap": (3, 4)}
_TWO["transformMapEntry"] = (3, 4)


def expanded(target: Node | None, name: str, args: tuple[Node, ...], at: int) -> Node | None:
    """The macro's node, or None when the call is none. Raises ValueError when it is one and its arguments are wrong."""
    if target is None:
        return _has(args) if name == "has" and len(args) == 1 else None
    if len(args) in _ONE.get(name, ()):
        kind = "exists_one" if name == "existsOne" else name
        return Fold(kind, target, (_variable(args[0]),), args[1:], at)
    if len(args) in _TWO.get(name, ()):
        names = (_variable(args[0]), _variable(args[1]))
        if names[0] == names[1]:
            raise ValueError(f"duplicate variable name: {names[0]}")
        kind = "exists_one" if name == "existsOne" else name
        return Fold(kind, target, names, args[2:], at)
    if name in ("optMap", "optFlatMap") and len(args) == 2:
        return OptMap(target, _variable(args[0]), args[1], name == "optFlatMap", at)
    return None


def _has(args: tuple[Node, ...]) -> Node:
    found = args[0]
    if not isinstance(found, Select) or found.test or found.optional:
        raise ValueError("invalid argument to has() macro")
    return Select(found.operand, found.field, found.at, test=True)


def _variable(node: Node) -> str:
    if not isinstance(node, Ident) or node.name.startswith("."):
        raise ValueError("argument must be a simple name")
    return node.name
