"""The routing table of all Ingresses of ours: host -> paths -> the port of a Service.

Called by the ingress controller whenever an Ingress changes; `matching` finds the way of a request in it. Of two Ingresses that want the
same host, path and path type the older one has it. What cannot be served is a `Fault` of its Ingress, by name; the rest of it is served.
Invariant: equal Ingresses give equal tables, in whatever order they come.
Source: https://kubernetes.io/docs/concepts/services-networking/ingress/; networking.k8s.io/v1 IngressSpec.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from wherry.api.objects import Obj, key, namespace

EXACT, PREFIX = "Exact", "Prefix"


class Backend(NamedTuple):
    """A port of a Service: by its number, or (number 0) by its name."""

    namespace: str
    service: str
    number: int
    port: str

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.service}"


class Path(NamedTuple):
    """`kind`: Exact, or Prefix (which ImplementationSpecific is here too). `path` of a prefix: without its last slash."""

    kind: str
    path: str
    backend: Backend


class Secret(NamedTuple):
    """A Secret with a certificate, and the Ingress that names it."""

    key: str
    ingress: str


class Fault(NamedTuple):
    """What of an Ingress is not served, and why."""

    ingress: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Host:
    """`paths`: the longest first, and of equals the exact one. `default`: where the rest goes, None for the table's own default."""

    paths: tuple[Path, ...] = ()
    default: Backend | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`hosts`: by name, wildcards as "*.example.com", "" for rules of any host. `secrets`: by host of TLS, in the same form."""

    hosts: Mapping[str, Host] = field(default_factory=dict)
    default: Backend | None = None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    #: each backend with the Ingress that names it
    backends: tuple[tuple[str, Backend], ...] = ()


def table(ingresses: Iterable[Obj]) -> Table:
    """Of the Ingresses that are ours."""
    build = _Building()
    for ingress in sorted(ingresses, key=_age):
        build.add(ingress)
    hosts = {host: Host(tuple(sorted(paths.values(), key=_longest)), build.defaults.get(host)) for host, paths in build.paths.items()}
    secrets, default = dict(sorted(build.secrets.items())), build.default_alone or build.default
    return Table(dict(sorted(hosts.items())), default, secrets, tuple(build.faults), tuple(build.backends))


def _age(ingress: Obj) -> tuple[str, str]:
    return ingress["metadata"].get("creationTimestamp") or "", key(ingress)


def _longest(path: Path) -> tuple[int, bool, str]:
    return -len(path.path), path.kind != EXACT, path.path


class _Building:
    def __init__(self) -> None:
        self.paths: dict[str, dict[tuple[str, str], Path]] = {}
        self.defaults: dict[str, Backend] = {}
        #: of an Ingress that has nothing but a default backend, and of any
        self.default_alone: Backend | None = None
        self.default: Backend | None = None
        self.secrets: dict[str, Secret] = {}
        self.faults: list[Fault] = []
        self.backends: list[tuple[str, Backend]] = []

    def add(self, ingress: Obj) -> None:
        spec = ingress.get("spec") or {}
        default = self._backend(ingress, spec["defaultBackend"]) if spec.get("defaultBackend") else None
        if default is not None:
            self.default = self.default or default
            if not spec.get("rules"):
                self.default_alone = self.default_alone or default
        for rule in spec.get("rules") or ():
            self._rule(ingress, rule, default)
        for tls in spec.get("tls") or ():
            self._tls(ingress, tls)

    def _rule(self, ingress: Obj, rule: Obj, default: Backend | None) -> None:
        host = (rule.get("host") or "").lower()
        paths = self.paths.setdefault(host, {})
        if default is not None and host:
            self.defaults.setdefault(host, default)
        for entry in (rule.get("http") or {}).get("paths") or ():
            backend = self._backend(ingress, entry.get("backend") or {})
            if backend is None:
                continue
            path = _path(entry, backend)
            held = paths.setdefault((path.kind, path.path), path)
            if held is not path and held.backend != backend:
                there = f"{host or '*'}{entry.get('path') or '/'}"
                self._fault(ingress, "PathTaken", f"{there} ({path.kind}) leads to {held.backend.key}, as an older Ingress says")

    def _backend(self, ingress: Obj, backend: Obj) -> Backend | None:
        service = backend.get("service")
        if service is None:
            kind = (backend.get("resource") or {}).get("kind", "")
            self._fault(ingress, "BackendNotSupported", f"a backend of kind {kind} is not supported, only Services are")
            return None
        port = service.get("port") or {}
        found = Backend(namespace(ingress), service["name"], port.get("number") or 0, port.get("name") or "")
        self.backends.append((key(ingress), found))
        return found

    def _tls(self, ingress: Obj, tls: Obj) -> None:
        named = tls.get("secretName")
        hosts = tls.get("hosts") or [""]
        if not named:
            return  # the controller's own certificate
        for host in hosts:
            self.secrets.setdefault(host.lower(), Secret(f"{namespace(ingress)}/{named}", key(ingress)))

    def _fault(self, ingress: Obj, reason: str, message: str) -> None:
        self.faults.append(Fault(key(ingress), reason, message))


def _path(entry: Obj, backend: Backend) -> Path:
    path = entry.get("path") or "/"
    if entry.get("pathType") == EXACT:
        return Path(EXACT, path, backend)
    return Path(PREFIX, path.rstrip("/"), backend)

