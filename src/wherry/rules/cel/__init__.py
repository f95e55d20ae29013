"""CEL, the Common Expression Language, as Kubernetes v1.36 uses it.

`compile(expression, names)` gives a `Program`, `Program.evaluate(bindings)` a value; both raise `CelError`. Values are plain JSON values
(int and double apart: `1` is an int, `1.0` a double) and the classes of `values`; results are such values again.

Used by admission policies, match conditions and the validation rules of custom resources. Neither Python library of CEL knows the optional
syntax, bounded evaluation, compile-time checks or Kubernetes's functions, so only the parsing is lark's, and the regular expressions re2's.
Both are imported with the first expression. Compiled programs are kept: one per text and environment.

Invariants: an expression that names what it may not, or whose types cannot fit, is refused when it is compiled; an evaluation ends, at
the latest when its budget is spent; evaluating changes nothing.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/ and https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from wherry.rules.cel.errors import CelError, CompileError, CostExceeded

if TYPE_CHECKING:
    from wherry.rules.cel.environment import Structs
    from wherry.rules.cel.program import Program
    from wherry.rules.cel.types import Type

__all__ = ["PER_CALL_LIMIT", "TOTAL_LIMIT", "CelError", "CompileError", "CostExceeded", "compile"]

#: what one evaluation may cost, and what all expressions of one object may (the reference's limits)
PER_CALL_LIMIT = 1_000_000
TOTAL_LIMIT = 10_000_000
_KEPT = 4096
#: the names are kept beside the outcome: their types' identity is part of the key
_programs: OrderedDict[Any, tuple[Program | CompileError, Any]] = OrderedDict()


def compile(expression: str, names: Collection[str] | Mapping[str, Type], structs: Structs | None = None) -> Program:
    """The program of `expression`, which may use the variables `names` (with their types, or `dyn`). Raises CompileError."""
    at: Any = (expression, _identity(names), structs)
    kept = _programs.get(at)
    if kept is None:
        kept = _programs[at] = (_compiled(expression, names, structs), names)
        if len(_programs) > _KEPT:
            _programs.popitem(last=False)
    known = kept[0]
    if isinstance(known, CompileError):
        raise CompileError(known.source, known.issues)
    return known


def _identity(names: Collection[str] | Mapping[str, Type]) -> Any:
    """Object types are equal by name only, so typed environments are told apart by the identity of their types' fields."""
    if not isinstance(names, Mapping):
        return frozenset(names)
    return frozenset((name, kind, id(kind.fields) if kind.fields is not None else 0) for name, kind in names.items())


def _compiled(expression: str, names: Collection[str] | Mapping[str, Type], structs: Structs | None) -> Program | CompileError:
    from wherry.rules.cel.environment import environment, no_structs
    from wherry.rules.cel.program import make

    try:
        return make(expression, environment(names, structs or no_structs))
    except CompileError as error:
        return error
