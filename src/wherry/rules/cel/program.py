"""A compiled expression, ready to be evaluated any number of times.

Made by `compile`; shared by everyone who asks for the same text, so it keeps no state of an evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wherry.rules.cel.build import ABSENT, Builder, Run, weight
from wherry.rules.cel.check import Checker
from wherry.rules.cel.environment import Environment
from wherry.rules.cel.errors import CelError, CompileError, CostExceeded
from wherry.rules.cel.library import Budget
from wherry.rules.cel.parser import parse
from wherry.rules.cel.types import Type

_LIMIT = 1_000_000


class Program:
    """`type` is the type of the result (`dyn` when only running it tells), `names` are the variables it reads.

    `loops`: it goes through lists or maps; without, an evaluation takes microseconds.
    """

    __slots__ = ("_env", "_run", "_size", "_slots", "_weight", "loops", "source", "type")

    def __init__(self, source: str, kind: Type, env: Environment, run: Run, made: Builder, cost: int) -> None:
        self.source, self.type, self.loops = source, kind, made.loops
        self._env, self._run, self._slots, self._size, self._weight = env, run, tuple(made.slots.items()), made.size, cost

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self._slots)

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """The value. Raises CelError; CostExceeded when it costs more than one call may, or than `budget`, shared by several, has left."""
        limit = _LIMIT if budget is None else min(_LIMIT, budget.left)
        own = Budget(limit)
        frame: list[Any] = [ABSENT] * self._size
        frame[0] = own
        for name, slot in self._slots:
            if name in bindings:
                frame[slot] = bindings[name]
        try:
            own.spend(self._weight)
            return self._run(frame)
        except RecursionError:
            raise CelError("expression recursion limit exceeded") from None
        finally:
            if budget is not None:
                budget.left -= limit - own.left


def make(source: str, env: Environment) -> Program:
    """Parses, checks and builds. Raises CompileError with every fault."""
    try:
        tree = parse(source)
        checker = Checker(env)
        kind = checker.check(tree)
        if checker.issues:
            raise CompileError(source, sorted(checker.issues))
        builder = Builder(env)
        return Program(source, kind, env, builder.build(tree), builder, weight(tree))
    except RecursionError:
        raise CompileError(source[:80], [(0, "expression recursion limit exceeded: 250")]) from None


__all__ = ["Budget", "CostExceeded", "Program", "make"]
