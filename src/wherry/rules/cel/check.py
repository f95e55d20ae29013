"""The checker: the type of an expression, or why it has none, before anything runs.

Called by `compile`. All faults of an expression are found at once, worded as cel-go words them: undeclared references, calls that no
overload takes, fields a typed object has not.

Source of the rule: https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.rules.cel.environment import TYPE_NAMES, Environment
from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.conversions import parse_duration, parse_timestamp
from wherry.rules.cel.libraries.regex import compiled
from wherry.rules.cel.library import functions
from wherry.rules.cel.nodes import Call, Fold, Ident, Index, ListLit, Lit, MapLit, Node, OptMap, Select, Struct
from wherry.rules.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    UINT,
    Type,
    assignable,
    list_of,
    map_of,
    optional_of,
)  # fmt: skip
from wherry.rules.cel.values import UInt

_LITERALS: dict[type, Type] = {
    bool: BOOL, int: INT, UInt: UINT, float: DOUBLE, str: STRING, bytes: BYTES, type(None): NULL,
}  # fmt: skip
#: objects of these types have exactly the fields they declare, everything else is looked up when it runs
_OPEN = frozenset({"dyn", "map"})


class Checker:
    """One expression's check; `issues` are (offset, text)."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.issues: list[tuple[int, str]] = []
        self._scope: list[dict[str, Type]] = []
        self._known = functions()
        self._mixed = 0

    def check(self, node: Node) -> Type:
        found: Type = getattr(self, "_" + type(node).__name__.lower())(node)
        return found

    def _fault(self, at: int, text: str) -> Type:
        self.issues.append((at, text))
        return DYN

    def _lit(self, node: Lit) -> Type:
        return _LITERALS[type(node.value)]

    def _ident(self, node: Ident) -> Type:
        name = node.name.removeprefix(".")
        for names in reversed(self._scope):
            if name in names:
                return names[name]
        if name in self.env.variables:
            return self.env.variables[name]
        if name in TYPE_NAMES:
            return Type("type", (TYPE_NAMES[name][0],))
        return self._fault(node.at, f"undeclared reference to '{name}' (in container '')")

    def declared(self, node: Node) -> str | None:
        """The dotted name that `node` is, when that is a variable or a type (`authorizer.requestResource`)."""
        name = qualified(node)
        if name is None or "." not in name or any(name.partition(".")[0] in names for names in self._scope):
            return None
        return name if name in self.env.variables or name in TYPE_NAMES else None

    def _select(self, node: Select) -> Type:
        if not node.test and not node.optional:
            dotted = self.declared(node)
            if dotted is not None:
                return self.env.variables[dotted] if dotted in self.env.variables else Type("type", (TYPE_NAMES[dotted][0],))
        operand = self.check(node.operand)
        if operand.name == "optional_type":
            inner = self._field(operand.params[0] if operand.params else DYN, node)
            return BOOL if node.test else optional_of(inner)
        found = self._field(operand, node)
        if node.test:
            return BOOL
        return optional_of(found) if node.optional else found

    def _field(self, operand: Type, node: Select) -> Type:
        if operand.fields is not None:
            found = operand.fields.get(node.field)
            return found if found is not None else self._fault(node.at, f"undefined field '{node.field}'")
        if operand.name == "map":
            return operand.params[1] if operand.params else DYN
        if operand.name not in _OPEN and self.env.structs(operand.name) is None:
            return self._fault(node.at, f"type '{operand}' does not support field selection")
        return DYN

    def _index(self, node: Index) -> Type:
        operand, at = self.check(node.operand), self.check(node.index)
        whole = operand
        if operand.name == "optional_type":
            operand = operand.params[0] if operand.params else DYN
        found = DYN
        if operand.name == "list":
            fits, found = assignable(at, INT, {}), operand.params[0]
        elif operand.name == "map":
            fits, found = assignable(at, operand.params[0], {}), operand.params[1]
        else:
            fits = operand.name == "dyn"
        if not fits:
            name = "_[?_]" if node.optional else "_[_]"
            return self._fault(node.at, f"found no matching overload for '{name}' applied to '({whole}, {at})'")
        return optional_of(found) if node.optional or whole.name == "optional_type" else found

    def _call(self, node: Call) -> Type:
        args = list(node.args)
        function = None
        if node.target is not None:
            prefix = qualified(node.target)
            if prefix is not None and not self._is_variable(prefix.partition(".")[0]):
                function = self._known.plain.get(f"{prefix}.{node.name}")
            if function is None:
                args.insert(0, node.target)
                function = self._known.methods.get(node.name)
        else:
            function = self._known.plain.get(node.name)
        self._mixed += node.name == "format"
        types = tuple(self.check(arg) for arg in args)
        self._mixed -= node.name == "format"
        if function is None:
            known = node.name in (self._known.plain if node.target is not None else self._known.methods)
            if not known:
                return self._fault(node.at, f"undeclared reference to '{node.name}' (in container '')")
        result = function.result(types) if function is not None else None
        if result is None:
            name = function.name if function is not None else node.name
            return self._fault(node.at, f"found no matching overload for '{name}' applied to '{_applied(node, types)}'")
        self._literals(node, args)
        return result

    def _literals(self, node: Call, args: list[Node]) -> None:
        """A literal that its function will refuse is refused now."""
        attempt = ATTEMPTS.get(node.name)
        at = 1 if node.name == "matches" else 0
        if attempt is None or len(args) <= at:
            return
        literal = args[at]
        if isinstance(literal, Lit) and type(literal.value) is str:
            try:
                attempt(literal.value)
            except CelError:
                self._fault(literal.at, f"invalid {node.name} argument")

    def _is_variable(self, name: str) -> bool:
        return name in self.env.variables or any(name in names for names in self._scope)

    def _listlit(self, node: ListLit) -> Type:
        return list_of(self._joined([(n, self._item(n, optional)) for n, optional in node.items], "list"))

    def _item(self, node: Node, optional: bool) -> Type:
        kind = self.check(node)
        if not optional:
            return kind
        if kind.name == "optional_type":
            return kind.params[0]
        return DYN if kind.name == "dyn" else self._fault(node.at, f"expected type 'optional_type(dyn)' but found '{kind}'")

    def _joined(self, items: list[tuple[Node, Type]], what: str) -> Type:
        """The one type of all elements; mixed literals are refused, except as arguments of `format`."""
        found: Type | None = None
        for node, kind in items:
            if found is None or found.name == "dyn":
                found = kind if found is None else found
            elif not assignable(kind, found, {}):
                if self._mixed:
                    return DYN
                self._fault(node.at, f"expected type '{found}' but found '{kind}'")
            elif kind.name == "dyn":
                found = DYN
        return found or DYN

    def _maplit(self, node: MapLit) -> Type:
        keys = self._joined([(k, self.check(k)) for k, _, _ in node.entries], "map")
        return map_of(keys, self._joined([(v, self._item(v, optional)) for _, v, optional in node.entries], "map"))

    def _struct(self, node: Struct) -> Type:
        kind = self.env.structs(node.name)
        if kind is None:
            for _, value, _ in node.fields:
                self.check(value)
            return self._fault(node.at, f"undeclared reference to '{node.name}' (in container '')")
        for name, value, optional in node.fields:
            found = self._item(value, optional)
            expected = kind.fields.get(name) if kind.fields is not None else DYN
            if expected is None:
                self._fault(value.at, f"undefined field '{name}'")
            elif not assignable(found, expected, {}):
                self._fault(value.at, f"expected type of field '{name}' is '{expected}' but provided type is '{found}'")
        return kind

    def _optmap(self, node: OptMap) -> Type:
        operand = self.check(node.operand)
        if operand.name not in ("optional_type", "dyn"):
            return self._fault(node.at, f"found no matching overload for 'optMap' applied to '{operand}.(dyn)'")
        self._scope.append({node.name: operand.params[0] if operand.params else DYN})
        body = self.check(node.body)
        self._scope.pop()
        return body if node.flat else optional_of(body)

    def _fold(self, node: Fold) -> Type:
        over = self.check(node.over)
        if over.name not in ("list", "map", "dyn"):
            return self._fault(
                node.over.at, f"expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)"
            )
        first, second = (*over.params, DYN, DYN)[:2]
        if len(node.names) == 2 and over.name == "list":
            first, second = INT, first
        self._scope.append(dict(zip(node.names, (first, second), strict=False)))
        bodies = [self.check(body) for body in node.bodies]
        self._scope.pop()
        return self._folded(node, over, first, bodies)

    def _folded(self, node: Fold, over: Type, first: Type, bodies: list[Type]) -> Type:
        kind = node.kind
        tested = bodies[:1] if kind in ("all", "exists", "exists_one", "filter") else bodies[:-1]
        for body, at in zip(tested, node.bodies, strict=False):
            if body.name not in ("bool", "dyn"):
                self._fault(at.at, f"found no matching overload for '{_STEP.get(kind, '_?_:_')}' applied to '(bool, {body})'")
        if kind in ("all", "exists", "exists_one"):
            return BOOL
        if kind == "filter":
            return list_of(first)
        if kind in ("map", "transformList"):
            return list_of(bodies[-1])
        if kind == "transformMap":
            return map_of(INT if over.name == "list" else first, bodies[-1])
        return bodies[-1] if kind == "transformMapEntry" else over


ATTEMPTS: dict[str, Callable[[str], object]] = {"duration": parse_duration, "timestamp": parse_timestamp, "matches": compiled}
_STEP = {"all": "_&&_", "exists": "_||_"}


def qualified(node: Any) -> str | None:
    """`a.b.c` of a chain of plain selections, else None."""
    if isinstance(node, Ident):
        return node.name.removeprefix(".")
    if isinstance(node, Select) and not node.test and not node.optional:
        prefix = qualified(node.operand)
        return None if prefix is None else f"{prefix}.{node.field}"
    return None


def _applied(node: Call, types: tuple[Type, ...]) -> str:
    shown = [str(t) for t in types]
    if node.target is not None and len(shown) == len(node.args) + 1:
        return f"{shown[0]}.({', '.join(shown[1:])})"
    return f"({', '.join(shown)})"
