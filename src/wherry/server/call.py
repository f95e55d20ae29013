"""A request as the handlers see it: one small object a request, whose dearer parts are read when they are asked for."""

from __future__ import annotations

from aiohttp import web

from wherry.api.options import User
from wherry.server import negotiation, parameters
from wherry.server.negotiation import Wanted
from wherry.server.parameters import Parameters


def readable(value: str) -> str:
    """A header's value as text: bytes that are no UTF-8 become U+FFFD."""
    return value.encode(errors="surrogateescape").decode(errors="replace")


def _origin_form(target: str) -> str:
    """The path and query of a request target in absolute form, which every server has to take (RFC 9112 section 3.2.2)."""
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return target
    begins = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    return rest[begins:] if rest[begins : begins + 1] == "/" else f"/{rest[begins:]}"


class Call:
    """`path` is as it came, without the query. `user` is set once the caller is known."""

    __slots__ = ("_parameters", "method", "path", "query", "request", "tables", "user", "warnings")

    def __init__(self, request: web.BaseRequest) -> None:
        self.request = request
        self.method = request.method
        target = request.raw_path
        self.path, _, self.query = (target if target.startswith("/") else _origin_form(target)).partition("?")
        self._parameters: Parameters | None = None
        self.user: User | None = None
        #: whether what is asked for can be answered as a table
        self.tables = True
        #: texts for Warning headers that come from elsewhere than the registry
        self.warnings: tuple[str, ...] = ()

    @property
    def parameters(self) -> Parameters:
        if self._parameters is None:
            self._parameters = parameters.parse(self.query)
        return self._parameters

    def header(self, name: str) -> str:
        value = self.request.headers.get(name, "")
        return value if value.isascii() else readable(value)

    @property
    def wanted(self) -> Wanted:
        """What the client wants to be answered in. Raises NotAcceptable."""
        return negotiation.negotiate(self.request.headers.get("Accept"), self.tables)

    @property
    def pretty(self) -> bool:
        """Whether JSON is to be indented."""
        if "pretty" in self.query and (asked := self.parameters.text("pretty")):
            return asked.lower() in ("1", "t", "true")
        return negotiation.is_human(self.header("User-Agent"))

    @property
    def who(self) -> User:
        """The caller, after authentication."""
        if self.user is None:
            raise RuntimeError("the caller is not authenticated")
        return self.user
