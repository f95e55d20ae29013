"""Ports of containers: names once per container, ports of the host once per pod.

Called by the rules of containers. Source: pkg/apis/core/validation validateContainerPorts, AccumulateUniqueHostPorts.
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api.field import Errors, duplicate, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import port_name, port_number
from wherry.rules.schema.validation.ports import PROTOCOLS


@lru_cache(maxsize=1024)
def _good_name(name: str) -> bool:
    return not port_name(name)


def ports(entries: list[Obj], path: str) -> Errors:
    errors: Errors = []
    names: set[str] = set()
    for i, port in enumerate(entries):
        if name := port.get("name"):
            if not _good_name(name):
                errors += [invalid(f"{path}[{i}].name", name, m) for m in port_name(name)]
            elif name in names:
                errors.append(duplicate(f"{path}[{i}].name", name))
            names.add(name)
        number, host, protocol = port.get("containerPort"), port.get("hostPort"), port.get("protocol")
        if not number:
            errors.append(required(f"{path}[{i}].containerPort"))
        elif not 1 <= number <= 65535:
            errors += [invalid(f"{path}[{i}].containerPort", number, m) for m in port_number(number)]
        if host:
            errors += [invalid(f"{path}[{i}].hostPort", host, m) for m in port_number(host)]
        if not protocol:
            errors.append(required(f"{path}[{i}].protocol"))
        elif protocol not in PROTOCOLS:
            errors.append(not_supported(f"{path}[{i}].protocol", protocol, PROTOCOLS))
    return errors


def host_ports(containers: list[Obj], path: str) -> Errors:
    """No two of these containers listen at one address of the host."""
    errors: Errors = []
    seen: set[str] = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if host := port.get("hostPort"):
                address = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{host}"
                if address in seen:
                    errors.append(duplicate(f"{path}[{i}].ports[{j}].hostPort", address))
                seen.add(address)
    return errors


def ports_on_host(containers: list[Obj], path: str, *, is_pod: bool) -> Errors:
    """With the host's network a port is the host's. In templates it may be left out, and is filled in when the pod is made."""
    text = "must match `containerPort` when `hostNetwork` is true"
    errors: Errors = []
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort") or 0
            if (is_pod or host) and host != (port.get("containerPort") or 0):
                errors.append(invalid(f"{path}[{i}].ports[{j}].hostPort", host, text))
    return errors
