"""What can go wrong with a CEL expression, worded as cel-go words it.

Raised by the compiler (`CompileError`: syntax, undeclared names, types) and by evaluation (`CelError`); callers put the text into
field errors and into admission messages.
"""

from __future__ import annotations


class CelError(Exception):
    """An expression cannot be compiled, or its evaluation failed. `message` is what clients see."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class CompileError(CelError):
    """The expression is refused before it runs: `issues` are (offset, text), the message shows each with its place."""

    def __init__(self, source: str, issues: list[tuple[int, str]]) -> None:
        super().__init__("\n".join(_shown(source, at, text) for at, text in issues))
        self.source = source
        self.issues = issues


class CostExceeded(CelError):
    """The evaluation was stopped because it cost too much; never absorbed by `||`, `&&` or a macro."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


def _shown(source: str, at: int, text: str) -> str:
    if not source:
        return f"ERROR: <input>:1:0: {text}"
    line = source.count("\n", 0, at)
    column = at - (source.rfind("\n", 0, at) + 1)
    lines = source.split("\n")
    snippet = lines[line].replace("\t", " ") if line < len(lines) else ""
    # characters of more than a byte are pointed at with wide marks
    dots = "".join("." if char.isascii() else "\uff0e" for char in snippet[:column])
    mark = "^" if snippet[column : column + 1].isascii() else "\uff3e"
    return f"ERROR: <input>:{line + 1}:{column + 1}: {text}\n | {snippet}\n | {dots}{mark}"


NO_OVERLOAD = "no such overload"
