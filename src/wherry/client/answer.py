"""One HTTP/1.1 answer as its bytes come in: status, headers, body, and whether the connection may carry another. No I/O.

Used by `transport`, a new one for each request. The parser is llhttp's, by httptools. Interim answers (1xx) are passed over. An answer that
says neither its length nor that it is chunked ends with the connection.
Source: RFC 9112 sections 6.3 and 9.3.
"""

from __future__ import annotations

import httptools

_WITHOUT_BODY = (204, 304)


class Answer:
    """`begun`: something of it came; `has_head`: status and headers are known; `complete`: all of it came.

    `bodiless`: an answer to HEAD, which may speak of a length and sends nothing.
    """

    def __init__(self, *, bodiless: bool = False) -> None:
        self.status = 0
        self.headers: dict[str, list[str]] = {}
        self.pieces: list[bytes] = []
        self.begun = self.has_head = self.complete = self.reusable = False
        self._bodiless = bodiless
        self._until_eof = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """b"" for the end of the connection. Raises EOFError when it comes too early, httptools.HttpParserError."""
        if not data:
            if not (self.has_head and self._until_eof):
                raise EOFError
            self.complete = True
            return
        self.begun = True
        if self.complete:
            self.reusable = False  # more than was asked for: who knows what it belongs to
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.reusable = False

    def taken(self) -> bytes:
        """What came of the body since the last call."""
        pieces, self.pieces = self.pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    # --- what the parser calls ---
    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))

    def on_headers_complete(self) -> None:
        status: int = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            return
        self.status, self.has_head = status, True
        if self._bodiless or status in _WITHOUT_BODY:
            self.complete, self.reusable = True, not self._bodiless and bool(self._parser.should_keep_alive())
        else:
            self._until_eof = "content-length" not in self.headers and "transfer-encoding" not in self.headers

    def on_body(self, data: bytes) -> None:
        if not self._bodiless:
            self.pieces.append(data)

    def on_message_complete(self) -> None:
        if not self.has_head:
            self.headers = {}  # of an interim answer
        elif not self.complete:
            self.complete, self.reusable = True, bool(self._parser.should_keep_alive())

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False
