"""The steps of a rollout as people write them: `10%, pause 5m, 50%, check smoke, 100%`. Text in, values out.

Called for the annotation `wherry.dev/rollout-steps` and for `--steps`. Separated by commas, or one a line as in a list of YAML; the words
of Argo Rollouts (`setWeight: 20`, `pause: {duration: 5m}`) mean the same here. Shares only grow, and the last step is 100%, written or not:
from there on the kind's own controller rolls the rest out by the fields that its owner gave it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Literal

from wherry.errors import WherryError

Kind = Literal["share", "pause", "check", "preview", "switch"]
FULL = 100
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KNOWN = '"10%", "pause", "pause 5m", "check", "check NAME", "preview" and "switch"'


class BadSteps(WherryError):
    """The steps cannot be read, or make no sense."""


@dataclass(frozen=True, slots=True)
class Step:
    """`percent`: of a share. `seconds`: of a pause; None: until it is promoted. `checks`: their names; () for all that there are."""

    kind: Kind
    percent: int = 0
    seconds: float | None = None
    checks: tuple[str, ...] = ()

    @property
    def is_last(self) -> bool:
        return self.kind == "share" and self.percent == FULL

    def __str__(self) -> str:
        if self.kind == "share":
            return f"{self.percent}%"
        if self.kind == "pause":
            return "pause" if self.seconds is None else f"pause {_short(self.seconds)}"
        return " ".join((self.kind, *self.checks))


def parse(text: str) -> tuple[Step, ...]:
    """The steps, with 100% as the last one. Raises BadSteps."""
    words = [word for part in re.split(r"[,\n]", text.strip().removeprefix("[").removesuffix("]")) if (word := _plain(part))]
    if not words:
        raise BadSteps(f"no steps: write them as in {_KNOWN}, separated by commas")
    steps = tuple(map(_step, words))
    if not steps[-1].is_last:
        steps += (Step("share", FULL),)
    return _checked(steps)


def _plain(part: str) -> str:
    """One step without the marks of YAML."""
    bare = re.sub(r"[{}:\"']", " ", part.strip().removeprefix("-"))
    return " ".join(word for word in bare.split() if word != "duration")


def _step(word: str) -> Step:
    name, _, rest = word.partition(" ")
    if name in ("setWeight", "share", "weight"):
        return _share(rest if rest.endswith("%") else f"{rest}%", word)
    if name.endswith("%") and not rest:
        return _share(name, word)
    if name == "pause":
        return Step("pause", seconds=_seconds(rest, word) if rest else None)
    if name == "check":
        return Step("check", checks=tuple(_check_name(each, word) for each in rest.split()))
    if word in ("preview", "switch"):
        return Step("preview" if word == "preview" else "switch")
    raise BadSteps(f'step "{word}" is none: there are {_KNOWN}')


def _share(text: str, word: str) -> Step:
    digits = text.removesuffix("%")
    if not digits.isdecimal() or not 1 <= int(digits) <= FULL:
        raise BadSteps(f'step "{word}": a share is a whole percentage from 1% to 100%')
    return Step("share", int(digits))


def _seconds(text: str, word: str) -> float:
    """A length of time; a plain number is seconds, as in Argo Rollouts."""
    if text.isdecimal():
        return float(text)
    if not _DURATION.fullmatch(text):
        raise BadSteps(f'step "{word}": a pause is for a length of time such as 30s, 5m or 1h30m; without one it lasts until promoted')
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _check_name(text: str, word: str) -> str:
    if not _NAME.fullmatch(text):
        raise BadSteps(f'step "{word}": "{text}" cannot be the name of a check: lower case letters, digits and "-"')
    return text


def _checked(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    shares = [step.percent for step in steps if step.kind == "share"]
    for before, after in itertools.pairwise(shares):
        if after <= before:
            raise BadSteps(f"{after}% comes after {before}%: shares must grow (to go back, abort)")
    kinds = [step.kind for step in steps]
    if kinds[0] not in ("share", "preview"):
        raise BadSteps(f'"{steps[0]}" cannot be the first step, as there are no new pods yet: begin with a share, such as 10%, or preview')
    if kinds.count("preview") > 1 or kinds.count("switch") > 1:
        raise BadSteps("preview and switch can each be one step only")
    if "switch" in kinds and "preview" not in kinds[: kinds.index("switch")]:
        raise BadSteps("switch needs preview before it: there must be pods to switch to")
    if "preview" in kinds and len(shares) > 1:
        raise BadSteps("preview makes all new pods beside the old ones: it goes with no share but 100%")
    return steps


def _short(seconds: float) -> str:
    """`90s`, `5m`, `1h30m`."""
    if seconds != int(seconds):
        return f"{seconds:g}s"
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    if not hours and (left or not minutes):
        return f"{int(seconds)}s" if minutes < 2 else f"{minutes}m{left}s"
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if n)
