"""The variables that tell a container where Services are: `DB_SERVICE_HOST`, `DB_PORT_5432_TCP_ADDR`, ...

Called by the node for the environment of real containers. All Services of the pod's namespace that have an address, unless
`enableServiceLinks` is false; `kubernetes` of the namespace `default` in any case. The pod's own namespace goes first.
Source of the rule: pkg/kubelet/envvars, kubelet_pods.go getServiceEnvVarMap; https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.api.objects import Obj, name, namespace


def service_variables(services: Iterable[Obj], pod_namespace: str, links: bool) -> dict[str, str]:
    """By name. `links`: the pod's `enableServiceLinks`."""
    master: list[Obj] = []
    own: list[Obj] = []
    for service in services:
        address = service["spec"].get("clusterIP")
        if not address or address == "None" or not service["spec"].get("ports"):
            continue
        if links and namespace(service) == pod_namespace:
            own.append(service)
        if namespace(service) == "default" and name(service) == "kubernetes":
            master.append(service)
    return {key: value for service in (*master, *own) for key, value in _of(service)}


def _of(service: Obj) -> Iterator[tuple[str, str]]:
    prefix, spec = _name(name(service)), service["spec"]
    yield f"{prefix}_SERVICE_HOST", spec["clusterIP"]
    yield f"{prefix}_SERVICE_PORT", str(spec["ports"][0]["port"])
    for port in spec["ports"]:
        if port.get("name"):
            yield f"{prefix}_SERVICE_PORT_{_name(port['name'])}", str(port["port"])
    yield from _links(prefix, spec)


def _links(prefix: str, spec: Obj) -> Iterator[tuple[str, str]]:
    """In the form that Docker's links had."""
    address: str = spec["clusterIP"]
    shown = f"[{address}]" if ":" in address else address
    for at, port in enumerate(spec["ports"]):
        protocol, number = port.get("protocol") or "TCP", port["port"]
        url = f"{protocol.lower()}://{shown}:{number}"
        if at == 0:
            yield f"{prefix}_PORT", url
        one = f"{prefix}_PORT_{number}_{protocol.upper()}"
        yield from ((one, url), (f"{one}_PROTO", protocol.lower()), (f"{one}_PORT", str(number)), (f"{one}_ADDR", address))


def _name(text: str) -> str:
    return text.replace("-", "_").upper()
