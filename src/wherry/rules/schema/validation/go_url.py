"""URLs as Go's net/url reads them, with its words for what is wrong.

Called by the rules of webhooks' configurations. Turns a text into its parts, or raises ValueError with the message of Go's parser, which
differs from Python's in what it takes (`::1` has no scheme, `50%` is a bad escape). Source: the documented behaviour of url.Parse;
RFC 3986.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wherry.api.field import quoted

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_PORT = re.compile(r"(:[0-9]*)?")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_IN_HOSTS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~!$&'()*+,;=:[]<>\"")


class URL(NamedTuple):
    """`user` is None where there is none."""

    scheme: str
    user: str | None
    host: str
    query: str
    fragment: str


def parse(text: str) -> URL:
    """Raises ValueError: `parse "...": why`."""
    url, _, fragment = text.partition("#")
    try:
        scheme, rest = _scheme(url)
        rest, _, query = rest.partition("?")
        user, host = _hierarchy(scheme, rest)
    except ValueError as why:
        raise ValueError(f"parse {quoted(url)}: {why}") from None
    try:
        _escapes(fragment)
    except ValueError as why:
        raise ValueError(f"parse {quoted(text)}: {why}") from None
    return URL(scheme.lower(), user, host, query, fragment)


def _scheme(url: str) -> tuple[str, str]:
    if _CONTROL.search(url):
        raise ValueError("net/url: invalid control character in URL")
    if url.startswith(":"):
        raise ValueError("missing protocol scheme")
    found = _SCHEME.match(url)
    return ("", url) if found is None else (found[0][:-1], url[found.end() :])


def _hierarchy(scheme: str, rest: str) -> tuple[str | None, str]:
    """User and host of what follows the scheme; its path is only looked at."""
    if rest == "*":
        return None, ""
    if not rest.startswith("/"):
        if scheme:
            return None, ""  # opaque: mailto:...
        if ":" in rest.partition("/")[0]:
            raise ValueError("first path segment in URL cannot contain colon")
    user, host = None, ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        user, host = _authority(authority)
        rest = slash + path
    _escapes(rest)
    return user, host


def _authority(authority: str) -> tuple[str | None, str]:
    user, at, host = authority.rpartition("@")
    host = _host(host)
    if not at:
        return None, host
    if not _USERINFO.fullmatch(user):
        raise ValueError("net/url: invalid userinfo")
    _escapes(user)
    return user, host


def _host(host: str) -> str:
    if (opened := host.rfind("[")) >= 0:
        closed = host.rfind("]")
        if closed < 0:
            raise ValueError("missing ']' in host")
        if opened > 0:
            raise ValueError("invalid IP-literal")
        port = host[closed + 1 :]
    else:
        port = host[colon:] if (colon := host.rfind(":")) >= 0 else ""
    if not _PORT.fullmatch(port):
        raise ValueError(f"invalid port {quoted(port)} after host")
    _escapes(host)
    for char in _ESCAPE.sub("", host):
        if char < "\x80" and char not in _IN_HOSTS:
            raise ValueError(f"invalid character {quoted(char)} in host name")
    for escape in _ESCAPE.findall(host):
        if escape[1] in "01234567" and escape != "%25":
            raise ValueError(f"invalid URL escape {quoted(escape)}")
    return host


def _escapes(text: str) -> None:
    at = text.find("%")
    while at >= 0:
        if not _ESCAPE.match(text, at):
            raise ValueError(f"invalid URL escape {quoted(text[at : at + 3])}")
        at = text.find("%", at + 3)
