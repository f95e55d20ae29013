"""Where log lines of wherry's own processes go and what they look like: --log-format text|json and -v, for `up` and the components.

Without -v only what the operator of the cluster must know is written; -v adds what its users are told by events and errors already (a quota
that is full, a missing service account), -vv everything.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


def log_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """-v and --log-format, as `verbose` and `log_format`."""
    for option in (
        click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True,
                     help="How log lines are written."),
        click.option("--verbose", "-v", count=True, help="Also log what users of the cluster are told; twice: everything."),
    ):
        command = option(command)
    return command


def set_up(verbose: int, log_format: str, *, least: int = logging.WARNING) -> None:
    """Log to standard error. `least`: the level without -v."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=min(least, _LEVELS[min(verbose, len(_LEVELS) - 1)]), handlers=[handler])


class JsonLines(logging.Formatter):
    """One JSON object a line, with ts, level, logger, msg, and err for an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["err"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        return json.dumps(line, ensure_ascii=False)
