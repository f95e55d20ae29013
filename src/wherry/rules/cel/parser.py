"""From a text to an expression tree: lark parses, this builds the nodes and recognises the macros.

Called by `compile` once per text. Raises CompileError with the place of the fault, worded as cel-go's parser does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from wherry.rules.cel import literals
from wherry.rules.cel.errors import CompileError
from wherry.rules.cel.grammar import GRAMMAR, RESERVED
from wherry.rules.cel.macros import expanded
from wherry.rules.cel.nodes import Call, Ident, Index, ListLit, Lit, MapLit, Node, Select, Struct

#: longer texts are refused unread (cel-go: expression code point limit), deeper ones too (its recursion limit)
MAX_CODE_POINTS = 100_000
MAX_DEPTH = 250
_OPERATORS = {"||": "_||_", "&&": "_&&_", "in": "@in"}


class _Fault(Exception):
    """Inside the parser: something that is written well and means nothing."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at, self.text = at, text


def parse(source: str) -> Node:
    """The tree of `source`. Raises CompileError."""
    if len(source) > MAX_CODE_POINTS:
        raise CompileError(source[:80], [(0, f"expression code point size exceeds limit: size: {len(source)}, limit {MAX_CODE_POINTS}")])
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    _check_depth(source)
    try:
        tree: Node = _checked(_lark().parse(source))
    except _Fault as fault:
        raise CompileError(source, [(fault.at, fault.text)]) from None
    except (UnexpectedCharacters, UnexpectedToken) as error:
        from wherry.rules.cel.syntax import faults

        where = getattr(error, "pos_in_stream", None) or 0
        raise CompileError(source, faults(source) or [(where, "Syntax error: it cannot be read")]) from None
    return tree


def _check_depth(source: str) -> None:
    """Nesting that would exhaust the stack of whoever walks the tree is refused before it is built."""
    depth = 0
    for char in source:
        if char in "([{":
            depth += 1
            if depth > MAX_DEPTH:
                raise CompileError(source[:80], [(0, f"expression recursion limit exceeded: {MAX_DEPTH}")])
        elif char in ")]}":
            depth -= 1


@lru_cache(maxsize=1)
def _lark() -> Any:
    from lark import Lark, Transformer, v_args

    # lark's Transformer is only known when it is imported, and it is imported only when there is an expression
    rules = {name: v_args(inline=True)(rule) for name, rule in vars(_Build).items() if not name.startswith("_")}
    builder = type("Builder", (Transformer,), rules)()
    return Lark(GRAMMAR, parser="lalr", transformer=builder, maybe_placeholders=True)


def _literal(convert: Callable[[str], Any]) -> Callable[[Any, Any], Lit]:
    def build(self: Any, token: Any) -> Lit:
        try:
            return Lit(convert(str(token)), token.start_pos)
        except ValueError as error:
            raise _Fault(token.start_pos, f"Syntax error: {error}") from None

    return build


class _Build:
    """One method per rule of the grammar."""

    int_literal = _literal(lambda text: int(text, 16) if "x" in text else int(text))
    uint_literal = _literal(literals.unsigned)
    float_literal = _literal(float)
    string_literal = _literal(literals.string)
    bytes_literal = _literal(literals.octets)
    true_literal = _literal(lambda text: True)
    false_literal = _literal(lambda text: False)
    null_literal = _literal(lambda text: None)

    def expr(self, node: Node) -> Node:
        return node

    def ident(self, token: Any) -> Node:
        if token in RESERVED:
            raise _Fault(token.start_pos, f"reserved identifier: {token}")
        return Ident(str(token), token.start_pos)

    def rooted(self, dot: Any, token: Any) -> Node:
        return Ident("." + str(token), dot.start_pos)

    def paren(self, left: Any, node: Node, right: Any) -> Node:
        return node

    def ternary(self, test: Node, mark: Any, then: Node, colon: Any, other: Node) -> Node:
        return Call(None, "_?_:_", (_checked(test), _checked(then), _checked(other)), mark.start_pos)

    def binary(self, left: Node, operator: Any, right: Node) -> Node:
        name = _OPERATORS.get(str(operator), f"_{operator}_")
        return Call(None, name, (_checked(left), _checked(right)), operator.start_pos)

    def negated(self, operator: Any, node: Node) -> Node:
        return Call(None, "!_", (_checked(node),), operator.start_pos)

    def minus(self, operator: Any, node: Node) -> Node:
        if isinstance(node, Lit) and type(node.value) in (int, float):
            return Lit(-node.value, operator.start_pos)
        return Call(None, "-_", (_checked(node),), operator.start_pos)

    def select(self, operand: Node, dot: Any, token: Any) -> Node:
        return Select(_checked(operand), str(token), dot.start_pos)

    def select_optional(self, operand: Node, dot: Any, mark: Any, token: Any) -> Node:
        return Select(_checked(operand), str(token), dot.start_pos, optional=True)

    def index(self, operand: Node, left: Any, at: Node, right: Any) -> Node:
        return Index(_checked(operand), _checked(at), left.start_pos)

    def index_optional(self, operand: Node, left: Any, mark: Any, at: Node, right: Any) -> Node:
        return Index(_checked(operand), _checked(at), left.start_pos, optional=True)

    def method(self, target: Node, dot: Any, token: Any, left: Any, args: tuple[Node, ...] | None, right: Any) -> Node:
        return _call(_checked(target), str(token), args or (), left.start_pos)

    def function(self, token: Any, left: Any, args: tuple[Node, ...] | None, right: Any) -> Node:
        if token in RESERVED:
            raise _Fault(token.start_pos, f"reserved identifier: {token}")
        return _call(None, str(token), args or (), left.start_pos)

    def rooted_function(self, dot: Any, token: Any, left: Any, args: tuple[Node, ...] | None, right: Any) -> Node:
        return _call(None, str(token), args or (), left.start_pos)

    def arguments(self, *nodes: Any) -> tuple[Node, ...]:
        return tuple(_checked(n) for n in nodes[::2])

    def element(self, mark: Any, node: Node) -> tuple[Node, bool]:
        return _checked(node), mark is not None

    def elements(self, *items: Any) -> tuple[tuple[Node, bool], ...]:
        return items[::2]

    def list_literal(self, left: Any, items: Any, right: Any) -> Node:
        return ListLit(items or (), left.start_pos)

    def entry(self, mark: Any, name: Node, colon: Any, node: Node) -> tuple[Node, Node, bool]:
        return _checked(name), _checked(node), mark is not None

    def entries(self, *items: Any) -> tuple[tuple[Node, Node, bool], ...]:
        return items[::2]

    def map_literal(self, left: Any, items: Any, right: Any) -> Node:
        return MapLit(items or (), left.start_pos)

    def field(self, mark: Any, name: Any, colon: Any, node: Node) -> tuple[str, Node, bool]:
        return str(name), _checked(node), mark is not None

    def fields(self, *items: Any) -> tuple[tuple[str, Node, bool], ...]:
        return items[::2]

    def struct(self, operand: Node, left: Any, items: Any, right: Any) -> Node:
        return Struct(_qualified(operand, left.start_pos), items or (), left.start_pos)


def _checked(node: Node) -> Node:
    if isinstance(node, Lit) and type(node.value) is int and not literals.INT_MIN <= node.value <= literals.INT_MAX:
        raise _Fault(node.at, "invalid int literal")
    return node


def _qualified(node: Node, at: int) -> str:
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.optional:
        return f"{_qualified(node.operand, at)}.{node.field}"
    raise _Fault(at, "Syntax error: mismatched input '{' expecting <EOF>")


def _call(target: Node | None, name: str, args: tuple[Node, ...], at: int) -> Node:
    try:
        return expanded(target, name, args, at) or Call(target, name, args, at)
    except ValueError as error:
        where = args[0].at if args else at
        raise _Fault(where, str(error)) from None
