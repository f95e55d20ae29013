"""From bytes and objects to replies: JSON as it is stored, indented or compressed when asked for, YAML, errors, warnings.

Called by all handlers of the server. Invariant: JSON bodies end with a line feed unless indented, as the reference's encoder does.
Source: k8s.io/apiserver/pkg/endpoints/handlers/responsewriters; RFC 7234 section 5.5 for Warning headers.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterable, Iterator

import msgspec

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.server import negotiation
from wherry.server.call import Call
from wherry.server.wire import JSON, TEXT, Header, Pieces, Reply

YAML = "application/yaml"
#: bodies up to this size are not worth compressing (the reference's threshold)
_GZIP_FROM = 128 * 1024
#: beyond this many characters of warnings each is cut to the second number, and no more are sent
_MAX_WARNINGS, _MAX_WARNING = 4096, 256

encode = msgspec.json.Encoder().encode


def to_yaml(value: object) -> bytes:
    """YAML as the reference writes it."""
    from wherry.server import yaml_text  # loading a YAML library takes a while, and few clients ask for it

    return yaml_text.dump(value)


def _clean(text: str) -> str:
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)


def warning_headers(texts: Iterable[str]) -> list[Header]:
    """`299 - "text"` for each different warning; when they are too long together each is cut, and what comes beyond the limit is left out.

    Source: k8s.io/apiserver/pkg/endpoints/filters/warning.go.
    """
    listed: list[str] = []
    written, cutting = 0, False
    for text in dict.fromkeys(texts):
        if cutting and written >= _MAX_WARNINGS:
            break
        if not text:
            continue
        clean = _clean(text)
        listed.append(clean[:_MAX_WARNING] if cutting else clean)
        written += len(listed[-1])
        if not cutting and written > _MAX_WARNINGS:
            cutting = True
            listed = [t[:_MAX_WARNING] for t in listed]
            written = sum(map(len, listed))
    quoted = (t.replace("\\", "\\\\").replace('"', '\\"') for t in listed)
    return [("Warning", f'299 - "{t}"') for t in quoted]


def _accepts_gzip(call: Call) -> bool:
    return any(token.strip() == "gzip" for token in call.header("Accept-Encoding").split(","))


def finish(call: Call, status: int, body: bytes, content_type: str, headers: list[Header]) -> Reply:
    """The reply; big bodies are compressed for clients that say they take it."""
    if len(body) > _GZIP_FROM and _accepts_gzip(call):
        packer = zlib.compressobj(level=1, wbits=31)
        body = packer.compress(body) + packer.flush()
        headers = [*headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    return Reply(status, body, content_type, headers)


def long_reply(call: Call, pieces: Iterable[bytes]) -> Pieces:
    """A reply of JSON that is made piece by piece."""
    headers = warning_headers(call.warnings) if call.warnings else []
    if _accepts_gzip(call):
        pieces, headers = _packed(pieces), [*headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    return Pieces(pieces, JSON, headers)


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def json_reply(call: Call, body: bytes, status: int = 200, warnings: Iterable[str] = (), *, as_yaml: bool = False,
               pretty: bool = False) -> Reply:  # fmt: skip
    """A reply of JSON bytes, in the form that is wanted."""
    headers = warning_headers((*call.warnings, *warnings)) if warnings or call.warnings else []
    if as_yaml:
        return finish(call, status, to_yaml(msgspec.json.decode(body)), YAML, headers)
    if pretty or call.pretty:
        return finish(call, status, msgspec.json.format(body, indent=2), JSON, headers)
    return finish(call, status, body + b"\n", JSON, headers)


def object_reply(call: Call, value: Obj, status: int = 200) -> Reply:
    """A reply of an object made for this request: a Status, a review, a discovery document."""
    wanted = negotiation.best_effort(call.request.headers.get("Accept"))
    return json_reply(call, encode(value), status, as_yaml=wanted.format == "yaml")


def error_reply(call: Call, error: StatusError) -> Reply:
    """The Status that an error is; with Retry-After when it says when to try again."""
    call.warnings = (*call.warnings, *error.warnings)
    reply = object_reply(call, error.to_status(), error.code)
    seconds = (error.details or {}).get("retryAfterSeconds")
    if seconds:
        reply.extra = (*reply.extra, ("Retry-After", str(seconds)))
    return reply


def text_reply(status: int, text: str, headers: Iterable[Header] = ()) -> Reply:
    return Reply(status, text.encode(), TEXT, headers)


def unavailable_text() -> Reply:
    """The aggregator's answer for a group version whose server cannot be reached."""
    return text_reply(503, "service unavailable\n", [("X-Content-Type-Options", "nosniff")])


def not_found_text() -> Reply:
    """What the reference answers where no handler is installed."""
    return text_reply(404, "404 page not found\n", [("X-Content-Type-Options", "nosniff")])
