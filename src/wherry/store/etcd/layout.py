"""Where each object stands in etcd: the keys of the reference's API server, so that etcdctl shows what people expect and either can go on
with what the other has written.

The store's `deployments.apps/ns/name` is `/registry/deployments/ns/name` there: built-in resources by their plural without the group, a few
by a name from the past, and those of kinds that are defined in the cluster, definitions and APIServices by group and plural. Pure. Keys
below the prefix that are no objects (`ranges/`, `masterleases/`, of a real API server) have no place in the store: `key` says None.
Source: pkg/kubeapiserver/default_storage_factory_builder.go (SpecialDefaultResourcePrefixes); apiserver/pkg/server/options/etcd.go
(StorageFactoryRestOptionsFactory); apiextensions-apiserver and kube-aggregator, `RESTOptionsGetter`.
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api.resources import TABLE

PREFIX = "/registry"
_FROM_THE_PAST = {
    "replicationcontrollers": "controllers",
    "endpoints": "services/endpoints",
    "nodes": "minions",
    "services": "services/specs",
    "ingresses.networking.k8s.io": "ingress",
}
#: stored by servers that keep group and plural apart, as those of custom kinds
_BY_GROUP = ("apiextensions.k8s.io", "apiregistration.k8s.io")


@lru_cache(maxsize=1)
def _folders() -> dict[str, str]:
    """Of each built-in table, its folder below the prefix."""
    folders = {}
    for row in TABLE:
        if "create" in row.verbs and "list" in row.verbs:
            table = TABLE.storage(row).group_resource
            plural, _, group = table.partition(".")
            folders[table] = f"{group}/{plural}" if group in _BY_GROUP else _FROM_THE_PAST.get(table, plural)
    return folders


@lru_cache(maxsize=1)
def _tables() -> dict[str, str]:
    return {folder: table for table, folder in _folders().items()}


class Layout:
    """Below `prefix`: a path without an ending slash, such as `/registry`."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self.prefix = "/" + prefix.strip("/")
        #: the first key of ours, and the first after
        self.start, self.end = self.prefix.encode() + b"/", self.prefix.encode() + b"0"
        self._skip = len(self.start)

    def path(self, key: str) -> bytes:
        """Of a key of the store, or of a prefix that names a whole table. Raises ValueError for a table that has no place."""
        table, slash, rest = key.partition("/")
        return f"{self.prefix}/{self._folder(table)}{slash}{rest}".encode()

    def key(self, path: bytes) -> str | None:
        """Of a key in etcd; None for what is no object."""
        first, _, rest = path[self._skip :].decode().partition("/")
        if not rest:
            return None
        if (table := _tables().get(first)) is not None:
            return f"{table}/{rest}"
        second, _, tail = rest.partition("/")
        if not tail:
            return None
        if (table := _tables().get(f"{first}/{second}")) is not None:
            return f"{table}/{tail}"
        return f"{second}.{first}/{tail}" if "." in first else None

    def _folder(self, table: str) -> str:
        if (folder := _folders().get(table)) is not None:
            return folder
        plural, _, group = table.partition(".")
        if "." not in group:  # the group of a custom kind has a dot, which tells it from a plural
            raise ValueError(f"no place in etcd for {table!r}")
        return f"{group}/{plural}"


def after(prefix: bytes) -> bytes:
    """The first key that does not start with the prefix, which ends with a byte below 255."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
