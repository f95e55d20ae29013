"""The way from the API server to the kubelets of other machines: where each listens, and who we are to it.

Used by `connections` and `pod_requests` for pods whose node is not run in this process. A node says its addresses and its port in its
status; which kind of address is taken first is configured.
Source: pkg/kubelet/client/kubelet_client.go (GetConnectionInfo), pkg/util/node GetPreferredNodeAddress.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wherry.api.errors import InternalError, StatusError
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.api.resources import resource
from wherry.registry.registry import Registry
from wherry.streams.dialing import Place

_NODES = resource("nodes")
#: where a kubelet listens that does not say so
PORT = 10250
#: the order that kubeadm gives --kubelet-preferred-address-types
PREFERRED = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the API server is to a kubelet: certificate and key (paths). `authority` "": a kubelet's own certificate is not checked."""

    certificate: str = ""
    key: str = ""
    authority: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises OSError, ssl.SSLError for files that are none."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.authority:
            made.load_verify_locations(self.authority)
        else:
            made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            made.load_cert_chain(self.certificate, self.key or None)
        return made


class Kubelets:
    """`identity` is asked once, with the first connection."""

    def __init__(self, registry: Registry, identity: Callable[[], Identity], preferred: Sequence[str] = PREFERRED) -> None:
        self._registry, self._identity, self._preferred = registry, identity, preferred
        self._context: ssl.SSLContext | None = None

    async def place(self, name: str, *, insecure: bool = False) -> Place:
        """Where the node's kubelet listens. Raises NotFound, StatusError for a node without an address, InternalError."""
        node = (await self._registry.get(Target(_NODES, "", name))).object()
        tls = Identity(*self._own()).context() if insecure else self._tls()
        return Place(self.address(node), port(node), tls)

    def address(self, node: Obj) -> str:
        """Raises StatusError."""
        found = (node.get("status") or {}).get("addresses") or []
        for kind in self._preferred:
            for entry in found:
                if entry.get("type") == kind and entry.get("address"):
                    return str(entry["address"])
        shown = " ".join(f"{{{entry.get('type', '')} {entry.get('address', '')}}}" for entry in found)
        text = f"no preferred addresses found; known addresses: [{shown}]"
        raise StatusError(text, code=500, reason="")

    def _own(self) -> tuple[str, str]:
        identity = self._identity()
        return identity.certificate, identity.key

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = self._identity().context()
            except OSError as error:
                raise InternalError(f"Internal error occurred: the certificate for kubelets cannot be used: {error}") from None
        return self._context


def port(node: Obj) -> int:
    endpoints = (node.get("status") or {}).get("daemonEndpoints") or {}
    said = (endpoints.get("kubeletEndpoint") or {}).get("Port") or 0
    return int(said) if said > 0 else PORT
