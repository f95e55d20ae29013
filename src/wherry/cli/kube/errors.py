"""Errors as kubectl words them: any exception, or several, to the text on stderr. Pure.

Source: kubectl pkg/cmd/util/helpers.go (checkErr, StandardErrorMessage, MultilineError, MultipleErrors, AddSourceToErr).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from wherry.api.errors import StatusError
from wherry.client.access import ConfigError
from wherry.client.transport import ConnectionFailed


class CommandError(Exception):
    """Something is wrong with what was asked; the message is printed after `error: `."""


class Several(Exception):
    """More than one error."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__(errors)
        self.errors = list(errors)


def collected(errors: Sequence[Exception]) -> None:
    """Raises the one error there is, or all of them together; nothing when there is none."""
    flat = [e for error in errors for e in (error.errors if isinstance(error, Several) else (error,))]
    if len(flat) == 1:
        raise flat[0]
    if flat:
        raise Several(flat)


def with_source(error: Exception, doing: str, source: str) -> Exception:
    """`error when creating "web.yaml": ...`; unchanged for what did not come from a file."""
    if not source:
        return error
    if isinstance(error, StatusError):
        return StatusError.from_status({**error.to_status(), "message": f'error when {doing} "{source}": {error.message}'})
    return CommandError(f'error when {doing} "{source}": {error}')


def text(error: Exception, server: str = "") -> str:
    """What is printed for it, without a line feed at the end unless the reference has one."""
    if isinstance(error, Several):
        return "".join(_message(e, server) + "\n" for e in error.errors)
    if isinstance(error, StatusError) and error.reason == "Invalid":
        return _invalid(error)
    known = _standard(error, server)
    if known:
        return known
    shown = str(error)
    return shown if shown.startswith("error: ") else f"error: {shown}"


def _message(error: Exception, server: str) -> str:
    return _standard(error, server) or str(error)


def _standard(error: Exception, server: str) -> str:
    if isinstance(error, StatusError):
        if error.reason == "Unauthorized":
            return f"error: You must be logged in to the server ({error.message})"
        return f"Error from server ({error.reason}): {error.message}" if error.reason else f"Error from server: {error.message}"
    if isinstance(error, ConnectionFailed):
        if "refused" in str(error):
            return f"The connection to the server {urlsplit(server).netloc} was refused - did you specify the right host or port?"
        return f"Unable to connect to the server: {error}"
    if isinstance(error, ConfigError):
        return f"error: {error}"
    return ""


def _invalid(error: StatusError) -> str:
    details = error.details
    if details is None:
        return "The request is invalid" + (f": {error.message}" if error.message else "")
    kind, name, causes = details.get("kind", ""), details.get("name", ""), details.get("causes") or []
    start = "The request is invalid"
    if kind or name:
        start = f'The {kind} "{name}" is invalid'
    elif error.message and not causes:
        start += f": {error.message}"
    texts = list(dict.fromkeys(f"{c.get('field', '')}: {c.get('message', '')}" for c in causes))
    if not texts:
        return start
    if len(texts) == 1:
        return f"{start}: {texts[0]}\n"
    return f"{start}: \n" + "".join(f"* {line}\n" for line in texts)
