"""How the output of a step is compared with its recording: to the letter, or by what holds in every run where chance decides the rest.

Called by the players of recordings. Which step is compared how says the recording itself (`compare`), or `known_differences.json` under
"loosely", with the reason. No step is compared with nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_SCALED = re.compile(
    r"Normal   ScalingReplicaSet   (\(combined from similar events\): )?Scaled (up|down) replica set (\S+) from (\d+) to (\d+)"
)

_COLUMNS = re.compile(r"(?<=ScalingReplicaSet)   <AGE>   deployment-controller")


def problem(step: dict[str, Any], out: str, err: str, code: int) -> str:
    """What differs, to be read by somebody; empty when the step agrees with one of the recorded runs."""
    how = HOW[step.get("compare")]
    wanted = [(step["stdout"], step["stderr"])] + [
        (a.get("stdout", step["stdout"]), a.get("stderr", step["stderr"])) for a in step.get("also", [])
    ]
    if code == step["rc"] and any(_same(how, o, out) and _same(how, e, err) for o, e in wanted):
        return ""
    lines = [f"exit status {code}, expected {step['rc']}"] if code != step["rc"] else []
    for label, expected, got in (("stdout", step["stdout"], out), ("stderr", step["stderr"], err)):
        if not _same(how, expected, got):
            lines += [f"{label} expected:", expected, f"{label} got:", got]
    return "\n".join(lines) or "exit status and output do not agree with any run"


def _same(how: Callable[[str, str], bool], expected: str, got: str) -> bool:
    # which of four equal nodes a pod goes to is chance, and with it the node's address
    expected, got = (re.sub(r"\b10\.0\.0\.\d+\b", "<HOST>", text) for text in (expected, got))
    return how(expected, got)


def _to_the_letter(expected: str, got: str) -> bool:
    return expected.rstrip("\n") == got.rstrip("\n")


def _lines(expected: str, got: str) -> bool:
    return sorted(expected.splitlines()) == sorted(got.splitlines())


def _last(expected: str, got: str) -> bool:
    return expected.rstrip().splitlines()[-1:] == got.rstrip().splitlines()[-1:]


def _names(expected: str, got: str) -> bool:
    """The same lines in any order, whichever of the objects with invented names they are about."""
    return _lines(*(re.sub(r"<(P|RS)\d+>", r"<\1>", text) for text in (expected, got)))


def _numbers(expected: str, got: str) -> bool:
    """The same lines in any order, whatever the numbers in them, which change while somebody looks."""
    return _lines(*(re.sub(r"\d+", "N", text) for text in (expected, got)))


def _scalings(expected: str, got: str) -> bool:
    """A Deployment's events of scaling: the same beginning, up to where pace decides, and every ReplicaSet goes on from where it was.

    The reference tells ten of an object's events one by one; the later ones share the last line, which names only the newest.
    """
    if not expected.strip() or not got.strip():
        return _to_the_letter(expected, got)
    (header, *events), (wanted_header, *wanted) = got.splitlines(), expected.splitlines()
    return header == wanted_header and _are_scalings(wanted, events)


def _described(expected: str, got: str) -> bool:
    """`kubectl describe` of a Deployment: to the letter up to its events, which are events of scaling."""
    if not expected.strip() or not got.strip():
        return _to_the_letter(expected, got)
    head, _, rest = got.partition("\nEvents:\n")
    wanted_head, _, wanted = expected.partition("\nEvents:\n")
    if head != wanted_head or rest.splitlines()[:2] != wanted.splitlines()[:2]:
        return False
    told, recorded = ([_COLUMNS.sub("", line.strip()) for line in text.splitlines()[2:]] for text in (rest, wanted))
    return _are_scalings(recorded, told)


def _are_scalings(wanted: list[str], events: list[str]) -> bool:
    told = [_SCALED.fullmatch(event) for event in events]
    if events[:4] != wanted[:4]:
        return False
    at: dict[str, int] = {}
    for event in told:
        if event is None or not _goes_on(event, at):
            return False
    if any("(combined" in line for line in wanted):
        return [bool(event and event[1]) for event in told] == ["(combined" in line for line in wanted]
    ends = {match[3]: int(match[5]) for line in wanted if (match := _SCALED.fullmatch(line))}
    return at == ends


def _goes_on(event: re.Match[str], at: dict[str, int]) -> bool:
    combined, direction, name, start, end = event.groups()
    if (int(end) > int(start)) != (direction == "up"):
        return False
    before, at[name] = at.get(name, 0), int(end)
    return bool(combined) or before == int(start)


HOW: dict[str | None, Callable[[str, str], bool]] = {
    None: _to_the_letter,
    "lines": _lines,
    "last": _last,
    "names": _names,
    "numbers": _numbers,
    "scalings": _scalings,
    "described": _described,
}
