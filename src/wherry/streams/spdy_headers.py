"""The header blocks of SPDY/3.1: name-value pairs, deflated with a dictionary that both sides know. Pure.

One `Packer` and one `Unpacker` per connection, because each block continues the one before. Names are lower case.
Source: the SPDY protocol, draft 3.1, section 2.6.10 (the block, and the dictionary as a table).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

#: bytes of a block once inflated
LARGEST = 64 * 1024
_LENGTH = struct.Struct(">I")
_NAMES = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age "
    "allow authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_WORDS = (*_NAMES.split(), "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin")
_STATUSES = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found"
    "500 Internal Server Error501 Not Implemented503 Service Unavailable"
)
_VALUES = (
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(_LENGTH.pack(len(word)) + word.encode() for word in _WORDS) + (_STATUSES + _VALUES).encode()


class Malformed(ValueError):
    """No header block, or one that is too large."""


class Packer:
    def __init__(self) -> None:
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)

    def pack(self, headers: Mapping[str, str]) -> bytes:
        texts = [text.encode() for name, value in headers.items() for text in (name.lower(), value)]
        block = _LENGTH.pack(len(headers)) + b"".join(_LENGTH.pack(len(text)) + text for text in texts)
        return self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


class Unpacker:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def unpack(self, data: bytes) -> dict[str, str]:
        """Raises Malformed; then the connection cannot go on, because the blocks hang together."""
        try:
            block = self._inflate.decompress(data, LARGEST)
            if self._inflate.unconsumed_tail:
                raise Malformed("the headers are too large")
            texts = _texts(block)
        except (zlib.error, struct.error) as error:
            raise Malformed(f"the headers cannot be read: {error}") from None
        return dict(zip(texts[::2], texts[1::2], strict=True))


def _texts(block: bytes) -> list[str]:
    """Names and values in turn. Raises struct.error, Malformed."""
    (count,), at, texts = _LENGTH.unpack_from(block), _LENGTH.size, []
    if count > len(block):
        raise Malformed("the headers say that there are more than there can be")
    for _ in range(2 * count):
        (size,) = _LENGTH.unpack_from(block, at)
        at += _LENGTH.size
        if at + size > len(block):
            raise Malformed("a header is cut off")
        texts.append(block[at : at + size].decode("utf-8", "replace"))
        at += size
    return texts
