"""Functions of CEL: declared by a signature in text, chosen by argument types, at compile time by the checker and at run time by dispatch.

A library module declares with `Functions.declare("string.charAt(int): string", function)`; `functions()` is all of Kubernetes's libraries,
loaded once at the first expression. A namespaced function (`optional.of`) is written with `@@` in front.

Invariant: a function's work is paid for before it is done (`cost`), so an evaluation is bounded by its budget.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from wherry.rules.cel.errors import NO_OVERLOAD, CelError, CostExceeded
from wherry.rules.cel.types import Type, assignable, parse_signature, substituted
from wherry.rules.cel.values import Duration, Lazy, Maybe, Timestamp, TypeValue, UInt

Run = Callable[..., Any]
_RUNTIME: dict[type, str] = {
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Lazy: "map",
    type(None): "null",
    Duration: "duration",
    Timestamp: "timestamp",
    Maybe: "optional_type",
    TypeValue: "type",
}
_SIZED = frozenset({str, bytes, list, dict})


class Budget:
    """What an evaluation may still cost. Units are the reference's: one for a step, one for every ten characters or elements touched."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, cost: int) -> None:
        """Raises CostExceeded when nothing is left."""
        self.left -= cost
        if self.left < 0:
            raise CostExceeded


class Overload:
    __slots__ = ("args", "cost", "result", "run")

    def __init__(self, args: tuple[Type, ...], result: Type, run: Run, cost: Run | None) -> None:
        self.args, self.result, self.run, self.cost = args, result, run, cost

    def accepts(self, classes: tuple[type, ...]) -> bool:
        return len(classes) == len(self.args) and all(_fits(c, a) for c, a in zip(classes, self.args, strict=True))


class Function:
    """All overloads of one name, as a method or as a plain function."""

    __slots__ = ("_chosen", "name", "overloads")

    def __init__(self, name: str) -> None:
        self.name = name
        self.overloads: list[Overload] = []
        self._chosen: dict[tuple[type, ...], Overload | None] = {}

    def result(self, args: tuple[Type, ...]) -> Type | None:
        """The type of a call, or None when no overload fits; `dyn` when several fit and differ."""
        results: list[Type] = []
        for overload in self.overloads:
            bound: dict[str, Type] = {}
            if len(args) == len(overload.args) and all(assignable(a, f, bound) for a, f in zip(args, overload.args, strict=True)):
                found = substituted(overload.result, bound)
                if found not in results:
                    results.append(found)
        if not results:
            return None
        return results[0] if len(results) == 1 else Type("dyn")

    def call(self, budget: Budget, args: list[Any]) -> Any:
        """Raises CelError when no overload takes these values, or from the function itself."""
        classes = tuple(map(type, args))
        try:
            overload = self._chosen[classes]
        except KeyError:
            overload = self._chosen[classes] = next((o for o in self.overloads if o.accepts(classes)), None)
        if overload is None:
            raise CelError(NO_OVERLOAD)
        if overload.cost is not None:
            budget.spend(overload.cost(*args))
        else:
            for arg in args:
                if type(arg) in _SIZED and len(arg) > 10:
                    budget.spend(len(arg) // 10)
        return overload.run(*args)


class Functions:
    def __init__(self) -> None:
        self.methods: dict[str, Function] = {}
        self.plain: dict[str, Function] = {}

    def declare(self, signature: str, run: Run, *, cost: Run | None = None) -> None:
        name, method, args, result = parse_signature(signature)
        table = self.methods if method else self.plain
        function = table.get(name)
        if function is None:
            function = table[name] = Function(name)
        function.overloads.append(Overload(args, result, run, cost))


def _fits(cls: type, formal: Type) -> bool:
    if formal.name == "dyn" or (len(formal.name) == 1 and not formal.params):
        return True
    return (_RUNTIME.get(cls) or getattr(cls, "cel_type", "")) == formal.name


@lru_cache(maxsize=1)
def functions() -> Functions:
    """Every function that the reference's v1.36 environment has."""
    from wherry.rules.cel.libraries import everything

    found = Functions()
    for declare in everything():
        declare(found)
    return found
