"""Links of a page that is shown below another path: those that lead to its server's root lead below that path instead. Pure.

Called by `proxying` for pages of pods, Services and nodes. Only the attributes that hold links change; all else stays as it was, to the
byte. Source: k8s.io/apimachinery/pkg/util/proxy/transport.go (rewriteHTML, rewriteURL).
"""

from __future__ import annotations

import html
import posixpath
import re
import zlib
from html.parser import HTMLParser
from urllib.parse import urlsplit, urlunsplit

_LINKS = {
    "a": ("href",), "applet": ("codebase",), "area": ("href",), "audio": ("src",), "base": ("href",), "blockquote": ("cite",),
    "body": ("background",), "button": ("formaction",), "command": ("icon",), "del": ("cite",), "embed": ("src",), "form": ("action",),
    "frame": ("longdesc", "src"), "head": ("profile",), "html": ("manifest",), "iframe": ("longdesc", "src"),
    "img": ("longdesc", "src", "usemap"), "input": ("src", "usemap", "formaction"), "ins": ("cite",), "link": ("href",),
    "object": ("classid", "codebase", "data", "usemap"), "q": ("cite",), "script": ("src",), "source": ("src",), "video": ("poster", "src"),
}  # fmt: skip
#: as zlib counts windows: gzip, and deflate without a head
_WINDOWS = {"gzip": 31, "deflate": -15}
_ATTRIBUTE = re.compile(r"""(?P<head>\s(?P<name>[^\s=/>"']+)\s*=\s*)(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+))""")


def below(page: str, path: str, hosts: tuple[str, ...]) -> str:
    """The page with its links below `path` (no slash at its end). `hosts`: what its own server is called."""
    found = _Tags(page)
    out, at = [], 0
    for begin, text, tag in found.tags:
        out += [page[at:begin], _rewritten(text, _LINKS[tag], path, hosts)]
        at = begin + len(text)
    return "".join([*out, page[at:]])


def body_below(body: bytes, encoding: str, path: str, hosts: tuple[str, ...], most: int) -> bytes:
    """The same of a body in its encoding ("", `gzip`, `deflate`). One that is none, or that comes to more than `most` bytes, stays."""
    if encoding and encoding not in _WINDOWS:
        return body
    plain = body
    if encoding:
        unpack = zlib.decompressobj(_WINDOWS[encoding])
        try:
            plain = unpack.decompress(body, most)
        except zlib.error:
            return body
        if not unpack.eof:
            return body
    led = below(plain.decode("utf-8", "surrogateescape"), path, hosts).encode("utf-8", "surrogateescape")
    if led == plain:
        return body
    if not encoding:
        return led
    pack = zlib.compressobj(wbits=_WINDOWS[encoding])
    return pack.compress(led) + pack.flush()


def link_below(link: str, path: str, hosts: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(link)
    except ValueError:
        return link
    if (parts.netloc and parts.netloc not in hosts) or not parts.path.startswith("/"):
        return link
    if parts.path.startswith(path):
        return urlunsplit(parts._replace(scheme="", netloc=""))
    joined = posixpath.normpath(f"{path}{parts.path}") + ("/" if parts.path.endswith("/") else "")
    return urlunsplit(parts._replace(scheme="", netloc="", path=joined))


def _rewritten(tag: str, names: tuple[str, ...], path: str, hosts: tuple[str, ...]) -> str:
    def one(match: re.Match[str]) -> str:
        if match["name"].lower() not in names:
            return match[0]
        given = match["double"] or match["single"] or match["bare"] or ""
        led = link_below(html.unescape(given), path, hosts)
        return match[0] if led == html.unescape(given) else f'{match["head"]}"{html.escape(led)}"'

    return _ATTRIBUTE.sub(one, tag)


class _Tags(HTMLParser):
    """Where the tags with links begin, what they are as they stand there, and their names."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[tuple[int, str, str]] = []
        self._lines = [0, *(match.end() for match in re.finditer("\n", page))]
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text = self.get_starttag_text()
        if tag in _LINKS and text:
            line, column = self.getpos()
            self.tags.append((self._lines[line - 1] + column, text, tag))
