"""The HTTP side of a cluster: the API server on its ports, with the cluster's certificates. Called by `Cluster` when it starts."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from wherry.cluster.pki import Pki, kubelet_client
from wherry.errors import WherryError

if TYPE_CHECKING:
    from ssl import SSLContext

    from wherry.cluster.cluster import Cluster
    from wherry.server.app import ApiServer
    from wherry.server.nodes import Kubelets

T = TypeVar("T")


class PortError(WherryError, OSError):
    """A port that cannot be listened on; `port` is its number, the message one line."""

    def __init__(self, number: int, port: int, why: str) -> None:
        super().__init__(number, why)
        self.port = port
        self.why = why

    def __str__(self) -> str:
        return f"port {self.port} {self.why}"


def import_http_without_roots() -> None:
    """Imports the HTTP library without the certificates of the world, which it loads for its clients: a sixth of a whole start.

    Only for a process that is nothing but a cluster: connections it opens itself name whom they trust.
    """
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    try:
        import aiohttp  # noqa: F401
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before


async def serve(cluster: Cluster, ready: Callable[[], Mapping[str, bool]]) -> None:
    """Starts the API server of a cluster that has its certificates. Raises PortError."""
    from wherry.cluster import aggregation, telling
    from wherry.cluster.gateway import Gateway
    from wherry.server.app import ApiServer

    options, pki = cluster.options, cluster.pki
    assert pki is not None
    cluster.registry.issuer.keep_in(pki.directory)
    server = cluster.server = ApiServer.for_admin(
        cluster.registry, cluster.own_clock, pki.token, ready, gateway=Gateway(cluster), kubelets=_kubelets(cluster, pki),
        rng=random.Random(options.seed),
    )  # fmt: skip
    server.families, server.views = (lambda: telling.families(cluster)), telling.views(cluster)
    server.elsewhere.servers = aggregation.servers(cluster)
    _audit(cluster, server)
    cluster.port = await _listening(server.start(options.host, options.port, tls(pki), shared=options.processes > 1), options.port)
    if options.insecure_port is not None:
        cluster.insecure_port = await _listening(server.start_insecure("127.0.0.1", options.insecure_port), options.insecure_port)


def tls(pki: Pki) -> SSLContext:
    """How the server speaks, and whose certificates it believes."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server_certificate, pki.server_key)
    context.load_verify_locations(pki.ca_certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _kubelets(cluster: Cluster, pki: Pki) -> Kubelets:
    """The way to nodes of other processes. Our certificate for them is made when the first of them is asked."""
    from wherry.server.nodes import Identity, Kubelets

    options = cluster.options

    def identity() -> Identity:
        authority = str(options.kubelet_certificate_authority or "")
        if options.kubelet_client_certificate is not None:
            return Identity(str(options.kubelet_client_certificate), str(options.kubelet_client_key or ""), authority)
        certificate, key = kubelet_client(pki)
        return Identity(str(certificate), str(key), authority)

    return Kubelets(cluster.registry, identity, options.kubelet_preferred_address_types)


def _audit(cluster: Cluster, server: ApiServer) -> None:
    """A policy and a log make an audit trail; one without the other does nothing, as in the reference. Raises PolicyError, OSError."""
    options = cluster.options
    if options.audit_policy_file is None or options.audit_log_path is None:
        return
    from wherry.server.audit import Audit
    from wherry.server.audit_log import AuditLog, read_policy

    policy, log = read_policy(options.audit_policy_file), AuditLog(options.audit_log_path)
    server.audit = Audit(policy, log.write, cluster.own_clock.now, log.close)


async def _listening(start: Awaitable[T], port: int) -> T:
    try:
        return await start
    except OSError as error:
        number = error.errno or 0
        why = {errno.EADDRINUSE: "is taken", errno.EACCES: "needs more rights"}.get(number)
        why = why or f"cannot be listened on ({os.strerror(number)})"
        raise PortError(number, port, why) from error
