"""Who is who in a cluster: what it publishes about that, and what the controllers of certificate signing requests are given.

`publish` is called by `Cluster` at every start, the others by `components`.
Source: pkg/controlplane/controller/clusterauthenticationtrust, pkg/controlplane/controller/legacytokentracking.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.options import User
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.cluster.pki import FRONT_PROXY
from wherry.rules.access.rbac.request import Attributes, Decision

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.pki import Pki
    from wherry.controllers.csr_certificates import Authority


async def publish(client: Client, ca_pem: str, today: str) -> None:
    """How extension servers know our clients and this server, and since when uses of token Secrets are noted."""
    await _config_map(client, "extension-apiserver-authentication", {"client-ca-file": ca_pem, **_front_proxy(ca_pem)}, renew=True)
    await _config_map(client, "kube-apiserver-legacy-service-account-token-tracking", {"since": today}, renew=False)


def _front_proxy(ca_pem: str) -> dict[str, str]:
    """Whose word about a user other API servers are to take (the certificate of that name, of this CA), and in which headers it comes."""
    said = {"allowed-names": FRONT_PROXY, "extra-headers-prefix": "X-Remote-Extra-", "group-headers": "X-Remote-Group",
            "uid-headers": "X-Remote-Uid", "username-headers": "X-Remote-User"}  # fmt: skip
    return {"requestheader-client-ca-file": ca_pem, **{f"requestheader-{name}": f'["{value}"]' for name, value in said.items()}}


async def _config_map(client: Client, name: str, data: dict[str, str], *, renew: bool) -> None:
    kind, namespace = resource("configmaps"), "kube-system"
    try:
        found = await client.get(kind, namespace, name)
    except NotFound:
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}
        with suppress(AlreadyExists):  # another server was quicker
            await client.create(kind, namespace, obj)
        return
    if renew and {**(found.get("data") or {}), **data} != found.get("data"):
        await client.update(kind, {**found, "data": {**(found.get("data") or {}), **data}})


def decider(cluster: Cluster) -> Callable[[User, Attributes], Awaitable[Decision]]:
    """What the stored roles say of a user's request."""
    policy = cluster.registry.policy

    async def decide(user: User, asked: Attributes) -> Decision:
        return (await policy.current()).decide(user, asked)

    return decide


def authority(pki: Pki) -> Callable[[], Authority]:
    """The CA that signs certificates; read when there is one to sign."""

    def read() -> Authority:
        from wherry.controllers.csr_certificates import Authority

        return Authority((pki.directory / "ca.crt").read_bytes(), (pki.directory / "ca.key").read_bytes())

    return read
