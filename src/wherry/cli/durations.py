"""Lengths of time on the command line of wherry's own commands."""

from __future__ import annotations

from typing import Any

import click

from wherry.kit.durations import seconds


class Seconds(click.ParamType[float]):
    """A Go duration such as 15s or 1m30s, or plain seconds; becomes a float."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        try:
            return seconds(float(value) if _is_number(value) else value)
        except ValueError:
            self.fail(f"{value!r} is no duration (such as 15s)", param, context)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
