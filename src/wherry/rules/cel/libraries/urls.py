"""URLs: `url("https://...")` with its parts, and `isURL`.

Only absolute URLs and absolute paths are URLs, as in Go's url.ParseRequestURI.
Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.conversions import quoted
from wherry.rules.cel.library import Functions

_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})(.{0,2})")
_HOST = re.compile(r"^(\[[0-9a-fA-F:.%]+\]|[^\[\]\s<>\"\\^`{|}:]*)(?::(\d*))?$")
_SAFE = "$&+,/:;=@-_.~!*'()"


@dataclass(frozen=True, slots=True)
class URL:
    cel_type: ClassVar[str] = "kubernetes.URL"

    text: str
    scheme: str
    host: str
    path: str
    query: str

    @property
    def hostname(self) -> str:
        match = _HOST.match(self.host)
        return match[1].strip("[]") if match else self.host

    @property
    def port(self) -> str:
        match = _HOST.match(self.host)
        return (match[2] or "") if match else ""


def parse(text: str) -> URL:
    """Raises ValueError with Go's text."""
    if not text:
        raise ValueError('parse "": empty url')
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError(f"parse {quoted(text)}: net/url: invalid control character in URL")
    match = _SCHEME.match(text)
    if match is None and text[0] != "/":
        if text[0] == ":":
            raise ValueError(f"parse {quoted(text)}: missing protocol scheme")
        raise ValueError(f"parse {quoted(text)}: invalid URI for request")
    if match is not None and not text[match.end() :].startswith("/"):
        raise ValueError(f"parse {quoted(text)}: invalid URI for request")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"parse {quoted(text)}: {error}") from None
    host = parts.netloc.rpartition("@")[2]
    bad = _BAD_ESCAPE.search(parts.path) or _BAD_ESCAPE.search(host)
    if bad:
        raise ValueError(f"parse {quoted(text)}: invalid URL escape {quoted('%' + bad[1])}")
    if not _HOST.match(host):
        if " " in host:
            raise ValueError(f'parse {quoted(text)}: invalid character " " in host name')
        raise ValueError(f"parse {quoted(text)}: invalid port {quoted(':' + host.rpartition(':')[2])} after host")
    return URL(text, (match[1] if match else "").lower(), host, parts.path, parts.query)


def _url(text: str) -> URL:
    try:
        return parse(text)
    except ValueError as error:
        raise CelError(f"URL parse error during conversion from string: {error}") from None


def _is_url(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _escaped_path(url: URL) -> str:
    return url.path if "%" in url.path else quote(unquote(url.path), safe=_SAFE)


def declare(known: Functions) -> None:
    d = known.declare
    d("@@url(string): kubernetes.URL", _url)
    d("@@isURL(string): bool", _is_url)
    d("<kubernetes.URL>.getScheme(): string", lambda u: u.scheme)
    d("<kubernetes.URL>.getHost(): string", lambda u: u.host)
    d("<kubernetes.URL>.getHostname(): string", lambda u: u.hostname)
    d("<kubernetes.URL>.getPort(): string", lambda u: u.port)
    d("<kubernetes.URL>.getEscapedPath(): string", _escaped_path)
    d("<kubernetes.URL>.getQuery(): map(string, list(string))", lambda u: parse_qs(u.query, keep_blank_values=True))
