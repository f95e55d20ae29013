"""The clients of the parts inside a cluster: whom each speaks for, what he may do, and whether it is recorded. Called by `Cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.options import User
from wherry.client.local import LocalClient
from wherry.client.protocol import Client
from wherry.cluster.rights import rights

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster


def bare(cluster: Cluster, manager: str, user: User, *, trusted: bool) -> LocalClient:
    """`manager`: the name of its field manager, by which faults find it; `trusted`: its objects are taken as decoded and defaulted."""
    client = LocalClient(cluster.registry, user=user, manager=manager, trusted=trusted, rights=rights(cluster.registry, user))
    cluster.clients.append((manager, client))
    return client


def component(cluster: Cluster, manager: str, user: User) -> Client:
    """That of a component: trusted, and recorded where the cluster keeps an audit log."""
    client = bare(cluster, manager, user, trusted=True)
    if cluster.options.audit_policy_file is None or cluster.options.audit_log_path is None:
        return client
    from wherry.cluster.audited import Audited
    from wherry.server.audit import Inside

    return Audited(client, lambda: cluster.server.audit if cluster.server is not None else None, Inside(user, manager))
