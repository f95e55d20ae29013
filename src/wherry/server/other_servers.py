"""The way to API servers behind Services, as APIServices name them: who we are to them, whom we trust, and one question to them.

Used by `elsewhere` for requests that are handed on, by `other_discovery` and by the controller that tells whether they answer. A server
believes what the headers say of a user because our certificate is the one that the ConfigMap extension-apiserver-authentication names.
Source: k8s.io/kube-aggregator/pkg/controllers/status/remote (BuildTransportConfig), k8s.io/client-go/transport/round_trippers.go
(SetAuthProxyHeaders); https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.registry.outside.calls import Address, CallFailed
from wherry.registry.outside.targets import addresses
from wherry.server.wire import Header
from wherry.store.protocol import Store
from wherry.streams.dialing import DialFailed, Place, reason

if TYPE_CHECKING:
    from wherry.server.proxying import Opening, Upstream

#: what asks whether a server answers
AGGREGATOR = User("system:kube-aggregator", groups=("system:masters",))
#: what the ConfigMap says of the headers below
HEADERS = {"username": "X-Remote-User", "uid": "X-Remote-Uid", "group": "X-Remote-Group", "extra": "X-Remote-Extra-"}
#: seconds to connect, and for a whole answer to a question of ours
_CONNECT, _ANSWER = 5.0, 5.0
#: characters that may stand in a header's name (RFC 9110 section 5.6.2), beside letters and digits
_TOKEN = "!#$&'*+-.^_`|~"


class Way(NamedTuple):
    """`dial`: a connection to an address, raises OSError. `identity`: our certificate and key, None where there are none."""

    dial: Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
    identity: Callable[[], tuple[Path, Path] | None]


class OtherServers:
    def __init__(self, store: Store, way: Way) -> None:
        self._store, self._way = store, way
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}
        #: endpoints of a server take turns
        self._turn = 0

    async def upstream(self, api_service: Obj, target: str, user: User) -> Upstream:
        """To its server, for a path and query. Raises CallFailed."""
        from wherry.server.proxying import Upstream

        spec = api_service["spec"]
        service = spec["service"]
        name, namespace, port = service.get("name", ""), service.get("namespace", ""), service.get("port") or 443
        found = await addresses(self._store, namespace, name, port)
        self._turn += 1
        at = self._turn % len(found)
        place = Place(f"{name}.{namespace}.svc", port, self._context(spec.get("caBundle") or "", bool(spec.get("insecureSkipTLSVerify"))))
        return Upstream(place, target, self._opening((*found[at:], *found[:at])), headers=tuple(headers(user)))

    async def get(self, api_service: Obj, target: str) -> bytes:
        """The body of its server's answer to us. Raises CallFailed, with the URL."""
        from wherry.server import proxying

        try:
            upstream = await self.upstream(api_service, target, AGGREGATOR)
            async with asyncio.timeout(_ANSWER):
                status, body = await proxying.get(upstream)
        except (CallFailed, DialFailed) as error:
            raise CallFailed(f"failing or missing response from {_url(api_service, target)}: {error}") from None
        except TimeoutError:
            raise CallFailed(f"timed out waiting for {_url(api_service, target)}") from None
        if status not in range(200, 300):
            raise CallFailed(f"failing or missing response from {(url := _url(api_service, target))}: bad status from {url}: {status}")
        return body

    def _opening(self, places: Sequence[Address]) -> Opening:
        return partial(_first, self._way, places)

    def _context(self, bundle: str, insecure: bool) -> ssl.SSLContext:
        """Raises CallFailed."""
        made = self._contexts.get((bundle, insecure))
        if made is None:
            made = self._contexts[bundle, insecure] = _made(bundle, insecure)
            if (identity := self._way.identity()) is not None:
                made.load_cert_chain(*identity)
        return made


async def _first(way: Way, places: Sequence[Address]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first that there is. Raises DialFailed."""
    for number, (host, port) in enumerate(places, 1):
        try:
            async with asyncio.timeout(_CONNECT):
                return await way.dial(host, port)
        except OSError as error:
            if number == len(places):
                raise DialFailed(f"dial tcp {reason(Place(host, port), error)}") from None
    raise DialFailed("no endpoints")


def _made(bundle: str, insecure: bool) -> ssl.SSLContext:
    if insecure:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made
    if not bundle:
        return ssl.create_default_context()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        made.load_verify_locations(cadata=base64.b64decode(bundle).decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise CallFailed("unable to load root certificates: unable to parse bytes as PEM block") from None
    return made


def headers(user: User) -> list[Header]:
    """Who asks."""
    said = [(HEADERS["username"], user.name), *((HEADERS["group"], group) for group in user.groups)]
    if user.uid:
        said.append((HEADERS["uid"], user.uid))
    return [*said, *((HEADERS["extra"] + quote(key, safe=_TOKEN), value) for key, values in user.extra for value in values)]


def path(api_service: Obj) -> str:
    """Where its server says what it serves."""
    spec = api_service["spec"]
    return f"/apis/{spec.get('group', '')}/{spec.get('version', '')}"


def _url(api_service: Obj, target: str) -> str:
    service = api_service["spec"]["service"]
    return f"https://{service.get('name', '')}.{service.get('namespace', '')}.svc:{service.get('port') or 443}{target}"
