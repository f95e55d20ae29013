"""The error tree of the API: every error is a `Status` (Kubernetes API conventions, "Response Status Kind").

Raised by rules and registry, carried over HTTP by the server, raised again with the same type by `HttpClient`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from wherry.api.objects import Obj
from wherry.errors import WherryError


class Cause(NamedTuple):
    """One cause in `status.details.causes`; empty parts are left out of the JSON."""

    reason: str
    message: str
    field: str = ""

    def to_json(self) -> Obj:
        return {k: v for k, v in (("reason", self.reason), ("message", self.message), ("field", self.field)) if v}


class StatusError(WherryError):
    """An API error. `details` is the Status's `details` object (name, group, kind, uid, causes, retryAfterSeconds)."""

    code: int = 500
    reason: str = ""

    def __init__(self, message: str, details: Obj | None = None, *, code: int | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        #: what the client is warned of, although its request failed
        self.warnings: tuple[str, ...] = ()
        if code is not None:
            self.code = code
        if reason is not None:
            self.reason = reason

    def to_status(self) -> Obj:
        """The error as a `Status` object, fields in the reference's order."""
        status: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status

    @staticmethod
    def from_status(status: Mapping[str, Any]) -> StatusError:
        """The error that a Status says; an unknown reason gives a plain StatusError with its code."""
        reason, code = status.get("reason", ""), status.get("code", 500)
        cls = _BY_REASON.get(reason, StatusError)
        return cls(status.get("message", ""), status.get("details"), code=code, reason=reason)


class BadRequest(StatusError):
    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):
    code, reason = 401, "Unauthorized"


class Forbidden(StatusError):
    code, reason = 403, "Forbidden"


class NotFound(StatusError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(StatusError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(StatusError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(StatusError):
    code, reason = 409, "AlreadyExists"


class Conflict(StatusError):
    code, reason = 409, "Conflict"


class Gone(StatusError):
    """410: the resourceVersion or continue token is too old. `continue_token` may offer an inconsistent rest of the list."""

    code, reason = 410, "Expired"
    continue_token: str = ""

    def to_status(self) -> Obj:
        status = super().to_status()
        if self.continue_token:
            status["metadata"] = {"continue": self.continue_token}
        return status


class TooLarge(StatusError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):
    code, reason = 422, "Invalid"


class TooManyRequests(StatusError):
    code, reason = 429, "TooManyRequests"


class InternalError(StatusError):
    code, reason = 500, "InternalError"


class ServiceUnavailable(StatusError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    code, reason = 504, "Timeout"


_BY_REASON: dict[str, type[StatusError]] = {
    cls.reason: cls
    for cls in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        NotAcceptable,
        AlreadyExists,
        Conflict,
        Gone,
        TooLarge,
        UnsupportedMediaType,
        Invalid,
        TooManyRequests,
        InternalError,
        ServiceUnavailable,
        Timeout,
    )
}
_BY_REASON["Gone"] = Gone


def _details(name: str, group: str, kind: str) -> Obj:
    return {k: v for k, v in (("name", name), ("group", group), ("kind", kind)) if v}


def not_found(group_resource: str, name: str) -> NotFound:
    """`deployments.apps "web" not found`; `group_resource` is `plural.group` or `plural`."""
    plural, _, group = group_resource.partition(".")
    return NotFound(f'{group_resource} "{name}" not found', _details(name, group, plural))


def already_exists(group_resource: str, name: str) -> AlreadyExists:
    plural, _, group = group_resource.partition(".")
    return AlreadyExists(f'{group_resource} "{name}" already exists', _details(name, group, plural))


def conflict(group_resource: str, name: str, why: str) -> Conflict:
    plural, _, group = group_resource.partition(".")
    message = f'Operation cannot be fulfilled on {group_resource} "{name}": {why}'
    return Conflict(message, _details(name, group, plural))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(group_resource: str, name: str, why: str) -> Forbidden:
    plural, _, group = group_resource.partition(".")
    subject = f'{group_resource} "{name}"' if name else group_resource
    return Forbidden(f"{subject} is forbidden: {why}", _details(name, group, plural))


def aggregate(causes: Iterable[Cause]) -> str:
    """All causes in one text, each once (field.ErrorList.ToAggregate)."""
    texts = list(dict.fromkeys(f"{c.field}: {c.message}" if c.field else c.message for c in causes))
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"


def invalid(group_kind: str, name: str, causes: Iterable[Cause]) -> Invalid:
    """422 that lists every cause; `group_kind` is `Kind.group` or `Kind` (field.ErrorList.ToAggregate's message form)."""
    kind, _, group = group_kind.partition(".")
    listed = list(causes)
    details = _details(name, group, kind)
    details["causes"] = [c.to_json() for c in listed]
    return Invalid(f'{group_kind} "{name}" is invalid: {aggregate(listed)}', details)
