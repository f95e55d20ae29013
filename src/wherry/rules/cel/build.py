"""From a checked tree to nested Python closures: evaluation walks no tree and looks up no name.

Each closure takes the frame: a list whose first slot is the budget and whose others are the variables, one slot each. Operators whose
operands are plain JSON values are decided in line; everything else goes through the function tables.

Invariant: `&&`, `||`, `all` and `exists` absorb an error when the other side decides (cel-spec, "Logical Operators"), except the end of
the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.rules.cel.check import qualified
from wherry.rules.cel.environment import TYPE_NAMES, Environment
from wherry.rules.cel.errors import NO_OVERLOAD, CelError, CostExceeded
from wherry.rules.cel.folds import FOLDS
from wherry.rules.cel.library import Function, functions
from wherry.rules.cel.lookups import at_index, field_of, has_field, maybe_field, maybe_index, unescaped
from wherry.rules.cel.nodes import Call, Fold, Ident, Index, ListLit, Lit, MapLit, Node, OptMap, Select, Struct
from wherry.rules.cel.values import NOTHING, Maybe, TypeValue

Frame = list[Any]
Run = Callable[[Frame], Any]
_PLAIN = frozenset({int, str, bool, float})


class Builder:
    """One expression's closures; `slots` says which slot of the frame a free variable is in, `size` how many there are.

    `loops`: it goes through lists or maps, so what an evaluation takes depends on what it is given.
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._known = functions()
        self._bound: list[tuple[str, int]] = []
        self.slots: dict[str, int] = {}
        self.size = 1
        self.loops = False

    def build(self, node: Node) -> Run:
        run: Run = getattr(self, "_" + type(node).__name__.lower())(node)
        return run

    def _slot(self) -> int:
        self.size += 1
        return self.size - 1

    def _bind(self, name: str) -> int:
        slot = self._slot()
        self._bound.append((name, slot))
        return slot

    def _is_bound(self, name: str) -> bool:
        return any(bound == name for bound, _ in self._bound)

    def _lit(self, node: Lit) -> Run:
        value = node.value
        return lambda f: value

    def _ident(self, node: Ident) -> Run:
        name = node.name.removeprefix(".")
        for bound, slot in reversed(self._bound):
            if bound == name:
                return _reading(slot)
        if name not in self._env.variables and name in TYPE_NAMES:
            kind = TypeValue(TYPE_NAMES[name][1])
            return lambda f: kind
        return self._variable(name)

    def _variable(self, name: str) -> Run:
        slot = self.slots.get(name)
        if slot is None:
            slot = self.slots[name] = self._slot()

        def read(f: Frame, slot: int = slot) -> Any:
            value = f[slot]
            if value is ABSENT:
                raise CelError(f"no such attribute(s): {name}")
            return value

        return read

    def _select(self, node: Select) -> Run:
        dotted = qualified(node) if not node.test and not node.optional else None
        if dotted is not None and not self._is_bound(dotted.partition(".")[0]):
            if dotted in self._env.variables:
                return self._variable(dotted)
            if dotted in TYPE_NAMES:
                kind = TypeValue(TYPE_NAMES[dotted][1])
                return lambda f: kind
        operand, name = self.build(node.operand), node.field
        if node.test:
            return lambda f: has_field(operand(f), name)
        if node.optional:
            return lambda f: maybe_field(operand(f), name)

        def select(f: Frame) -> Any:
            value = operand(f)
            if type(value) is dict and name in value:
                return value[name]
            return field_of(value, name)

        return select

    def _index(self, node: Index) -> Run:
        operand, index = self.build(node.operand), self.build(node.index)
        if node.optional:
            return lambda f: maybe_index(operand(f), index(f))
        return lambda f: at_index(operand(f), index(f))

    def _call(self, node: Call) -> Run:
        special = getattr(self, _SPECIAL[node.name], None) if node.target is None and node.name in _SPECIAL else None
        if special is not None:
            run: Run = special(*(self.build(arg) for arg in node.args))
            return run
        args = [self.build(arg) for arg in node.args]
        if node.target is None:
            return self._applied(self._known.plain[node.name], args)
        prefix = qualified(node.target)
        if prefix is not None:
            root = prefix.partition(".")[0]
            function = self._known.plain.get(f"{prefix}.{node.name}")
            if function is not None and root not in self._env.variables and not self._is_bound(root):
                return self._applied(function, args)
        return self._applied(self._known.methods[node.name], [self.build(node.target), *args])

    def _applied(self, function: Function, args: list[Run]) -> Run:
        call = function.call
        if len(args) == 1:
            one = args[0]
            return lambda f: call(f[0], [one(f)])
        if len(args) == 2:
            left, right = args
            return lambda f: call(f[0], [left(f), right(f)])
        return lambda f: call(f[0], [arg(f) for arg in args])

    def _and(self, left: Run, right: Run) -> Run:
        return _logic(left, right, False)

    def _or(self, left: Run, right: Run) -> Run:
        return _logic(left, right, True)

    def _ternary(self, test: Run, then: Run, other: Run) -> Run:
        def choose(f: Frame) -> Any:
            decided = test(f)
            if decided is True:
                return then(f)
            if decided is False:
                return other(f)
            raise CelError(NO_OVERLOAD)

        return choose

    def _equal(self, left: Run, right: Run) -> Run:
        call = self._known.plain["_==_"].call

        def compare(f: Frame) -> Any:
            a, b = left(f), right(f)
            if type(a) is type(b) and type(a) in _PLAIN and (type(a) is not str or len(a) < 100):
                return a == b
            return call(f[0], [a, b])

        return compare

    def _unequal(self, left: Run, right: Run) -> Run:
        equal = self._equal(left, right)
        return lambda f: not equal(f)

    def _listlit(self, node: ListLit) -> Run:
        items = [(self.build(item), optional) for item, optional in node.items]
        if not any(optional for _, optional in items):
            runs = [run for run, _ in items]
            return lambda f: [run(f) for run in runs]
        return lambda f: [v for run, optional in items for v in _spread(run(f), optional)]

    def _maplit(self, node: MapLit) -> Run:
        entries = [(self.build(k), self.build(v), optional) for k, v, optional in node.entries]

        def make(f: Frame) -> dict[Any, Any]:
            made: dict[Any, Any] = {}
            for key_of, value_of, optional in entries:
                key = key_of(f)
                if key in made:
                    raise CelError(f"Failed with repeated key: {key}")
                for value in _spread(value_of(f), optional):
                    made[key] = value
            return made

        return make

    def _struct(self, node: Struct) -> Run:
        fields = [(unescaped(name), self.build(value), optional) for name, value, optional in node.fields]
        return lambda f: {name: v for name, run, optional in fields for v in _spread(run(f), optional)}

    def _optmap(self, node: OptMap) -> Run:
        operand = self.build(node.operand)
        slot = self._bind(node.name)
        body, flat = self.build(node.body), node.flat
        self._bound.pop()

        def run(f: Frame) -> Any:
            value = operand(f)
            if type(value) is not Maybe:
                raise CelError(NO_OVERLOAD)
            if not value.present:
                return NOTHING
            f[slot] = value.value
            return body(f) if flat else Maybe(body(f))

        return run

    def _fold(self, node: Fold) -> Run:
        self.loops = True
        over = self.build(node.over)
        slots = [self._bind(name) for name in node.names]
        bodies = [self.build(body) for body in node.bodies]
        del self._bound[-len(slots) :]
        step = 2 + sum(map(weight, node.bodies))
        return FOLDS[node.kind](over, slots, bodies, step)


def _reading(slot: int) -> Run:
    return lambda f: f[slot]


class _Absent:
    """What a slot holds when the caller bound nothing to its variable."""


ABSENT = _Absent()
_SPECIAL = {"_&&_": "_and", "_||_": "_or", "_?_:_": "_ternary", "_==_": "_equal", "_!=_": "_unequal"}


def _logic(left: Run, right: Run, decisive: bool) -> Run:
    """`&&` (decisive False) or `||` (decisive True): a decisive side wins over an error of the other."""

    def decide(f: Frame) -> Any:
        failed: CelError | None = None
        try:
            first = left(f)
            if first is decisive:
                return decisive
            if type(first) is not bool:
                failed = CelError(NO_OVERLOAD)
        except CostExceeded:
            raise
        except CelError as error:
            failed = error
        second = right(f)
        if second is decisive:
            return decisive
        if failed is not None:
            raise failed
        if type(second) is not bool:
            raise CelError(NO_OVERLOAD)
        return not decisive

    return decide


def _spread(value: Any, optional: bool) -> tuple[Any, ...]:
    """The value to put in; nothing for an optional element without one."""
    if not optional:
        return (value,)
    if type(value) is not Maybe:
        raise CelError(NO_OVERLOAD)
    return (value.value,) if value.present else ()


def weight(node: Any) -> int:
    """How many steps one evaluation of a tree takes at least, folds counted once."""
    parts: list[Any] = []
    if isinstance(node, (Select, Index)):
        parts = [node.operand, *([node.index] if isinstance(node, Index) else [])]
    elif isinstance(node, Call):
        parts = [*node.args, *([node.target] if node.target is not None else [])]
    elif isinstance(node, ListLit):
        parts = [item for item, _ in node.items]
    elif isinstance(node, MapLit):
        parts = [part for k, v, _ in node.entries for part in (k, v)]
    elif isinstance(node, Struct):
        parts = [value for _, value, _ in node.fields]
    elif isinstance(node, Fold):
        parts = [node.over]
    elif isinstance(node, OptMap):
        parts = [node.operand, node.body]
    own = 0 if isinstance(node, Lit) else 10 if isinstance(node, (ListLit, MapLit, Struct)) else 1
    return own + sum(map(weight, parts))
