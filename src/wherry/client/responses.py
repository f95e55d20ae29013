"""Answers of an API server that are not the object asked for: errors, warnings, "try later". Pure.

Source: client-go rest/request.go (transformResponse, newUnstructuredResponseError), apimachinery api/errors NewGenericServerResponse,
RFC 7234 section 5.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from wherry.api.errors import StatusError

Headers = Mapping[str, list[str]]
_WARNING = re.compile(r'\s*\d{3} \S+ "((?:[^"\\]|\\.)*)"(?: "[^"]*")?\s*,?')
#: what an answer without a Status means: code -> (reason, message)
_GENERIC = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "the server has asked for the client to provide credentials"),
    403: ("Forbidden", ""),
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    406: ("NotAcceptable", ""),
    409: ("Conflict", "the server reported a conflict"),
    415: ("UnsupportedMediaType", ""),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", ""),
    500: ("InternalError", "an error on the server has prevented the request from succeeding"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted, but may still be processing the request"),
}


def error(method: str, status: int, headers: Headers, body: bytes) -> StatusError:
    """The error that an answer with a code from 400 on says."""
    if any(value.startswith("application/json") for value in headers.get("content-type", ())):
        try:
            said = msgspec.json.decode(body)
        except msgspec.DecodeError:
            said = None
        if isinstance(said, dict) and said.get("kind") == "Status" and said.get("status") == "Failure":
            return StatusError.from_status({"code": status, **said})
    return _generic(method, status, headers, body)


def _generic(method: str, status: int, headers: Headers, body: bytes) -> StatusError:
    reason, message = _GENERIC.get(status, ("", ""))
    text = body.decode("utf-8", "replace").strip() if headers.get("content-type", [""])[0].startswith("text/plain") else ""
    if status == 409 and method == "POST":
        reason, message = "AlreadyExists", "the server reported a conflict"
    if not message:
        message = text or ("an error on the server has prevented the request from succeeding" if status >= 500
                           else f"the server responded with the status code {status} but did not return more information")
        reason = reason or ("InternalError" if status >= 500 else "")
    details = {"causes": [{"reason": "UnexpectedServerResponse", "message": text or "unknown"}]}
    return StatusError.from_status({"message": message, "reason": reason, "code": status, "details": details})


def retry_after(status: int, headers: Headers) -> float | None:
    """Seconds to wait before the same request is sent again; None: it is not to be sent again."""
    value = headers.get("retry-after", [""])[0]
    if value.isdigit() and (status == 429 or status >= 500):
        return float(value)
    return None


def warnings(values: Iterable[str]) -> list[str]:
    """The texts of Warning headers."""
    return [re.sub(r"\\(.)", r"\1", text) for value in values for text in _WARNING.findall(value)]
