"""Warnings about the containers of a pod or template: hidden variables, colliding ports, fractions of bytes, old annotations.

Called by `pod_warnings`. Pure. Source: pkg/api/pod/warnings.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import merge
from typing import Any

from wherry.api import quantity
from wherry.api.field import child, index, key, show
from wherry.api.objects import Obj
from wherry.rules.pods.profiles import from_annotation, profile_annotation

#: a reply has warnings of 4,096 characters, each cut to 256 when they are more (k8s.io/apiserver/pkg/endpoints/filters/warning.go)
_ENOUGH, _CUT = 2 * 4096, 256
_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"


def _visit(spec: Obj, at: str) -> Iterator[tuple[Obj, str]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            yield container, index(child(at, kind), i)


def container_warnings(spec: Obj, annotations: Mapping[str, str], path: str) -> list[str]:
    """`path` is the template's; "" for a pod, whose AppArmor annotations become fields before."""
    warnings: list[str] = []
    whole = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container, at in _visit(spec, child(path, "spec")):
        context = container.get("securityContext") or {}
        if annotations:
            said = _SECCOMP + str(container.get("name") or "")
            if said in annotations and not context.get("seccompProfile"):
                field = key(child(path, "metadata", "annotations"), said)
                warnings.append(f'{field}: non-functional in v1.27+; use the "seccompProfile" field instead')
            said = profile_annotation(container)
            fieldless = bool(path) and said in annotations and not context.get("appArmorProfile")
            if fieldless and (whole is None or whole != from_annotation(annotations[said])):
                field = key(child(path, "metadata", "annotations"), said)
                warnings.append(f'{field}: deprecated since v1.30; use the "appArmorProfile" field instead')
        if resources := container.get("resources"):
            warnings += _fractions(resources, child(at, "resources"))
        env: list[Obj] = container.get("env") or []
        if len(env) > 1:
            warnings += _hidden(env, child(at, "env"))
    return warnings


def _fractions(resources: Obj, at: str) -> list[str]:
    lists = {which: resources.get(which) or {} for which in ("limits", "requests")}
    names = ("memory", "ephemeral-storage")
    return [w for name in names for which, listed in lists.items() for w in fractional(listed, child(at, which), (name,))]


def fractional(listed: Mapping[str, Any], at: str, names: tuple[str, ...] = ("memory", "ephemeral-storage")) -> list[str]:
    """Amounts of bytes that are not whole, or so large that the reference's arithmetic says so."""
    found = [(name, listed[name]) for name in names if name in listed and quantity.overflowing_milli(listed[name]) % 1000]
    return [f"{key(at, name)}: fractional byte value {show(str(value))} is invalid, must be an integer" for name, value in found]


def _hidden(env: list[Obj], at: str) -> list[str]:
    """Variables that say again what an earlier one says, and do not build on it."""
    warnings: list[str] = []
    seen: set[str] = set()
    for i, variable in enumerate(env):
        name = variable.get("name") or ""
        if name not in seen:
            seen.add(name)
            continue
        value, earlier = variable.get("value") or "", f"$({name})"
        if variable.get("valueFrom") is not None or value == earlier or earlier not in value:
            warnings.append(f"{index(at, i)}: hides previous definition of {show(name)}, which may be dropped when using apply")
    return warnings


def port_warnings(spec: Obj, at: str) -> list[str]:
    """Ports of all containers that collide, then names of ports that do; no more than a reply's headers hold, as pairs are many."""
    warnings: list[str] = []
    length = 0
    for warning in _port_warnings(spec, at):
        warnings.append(warning)
        length += min(len(warning), _CUT)
        if length >= _ENOUGH:
            break
    return warnings


def _port_warnings(spec: Obj, at: str) -> Iterator[str]:
    ports = [(port, index(child(place, "ports"), i)) for c, place in _visit(spec, at) for i, port in enumerate(c.get("ports") or ())]
    known: dict[tuple[int, str], _Colliding] = {}
    for port, place in ports:
        if port.get("hostIP") and not port.get("hostPort"):
            yield f"{place}: hostIP set without hostPort: {_struct(port)}"
        others = known.setdefault((port.get("containerPort") or 0, port.get("protocol") or ""), _Colliding())
        for how, where in others.of(port):
            yield f"{place}: {how} port definition with {where}"
        others.add(port, place)
    names: dict[str, str] = {}
    for port, place in ports:
        if name := port.get("name"):
            if name in names:
                first = names[name]
                text = f"services and probes that select ports by name will use {first}"
                yield f"{place}: duplicate port name {show(name)} with {first}, {text}"
            else:
                names[name] = place


class _Colliding:
    """Ports with one number and protocol. Those that collide with another are found without a look at those that do not."""

    def __init__(self) -> None:
        self._all: list[str] = []
        self._same: dict[tuple[str, int], list[int]] = {}
        self._host: dict[tuple[int, bool], list[int]] = {}

    def add(self, port: Obj, place: str) -> None:
        ip, host = port.get("hostIP") or "", port.get("hostPort") or 0
        self._same.setdefault((ip, host), []).append(len(self._all))
        self._host.setdefault((host, bool(ip)), []).append(len(self._all))
        self._all.append(place)

    def of(self, port: Obj) -> Iterator[tuple[str, str]]:
        """How it collides with which of those before, in their order."""
        ip, host = port.get("hostIP") or "", port.get("hostPort") or 0
        same = self._same.get((ip, host), ())
        if not host:
            duplicates = set(same)
            for i, place in enumerate(self._all):
                yield "duplicate" if i in duplicates else "overlapping", place
            return
        found = merge(
            ((i, "duplicate") for i in same),
            ((i, "overlapping") for i in self._host.get((0, False), ())),
            ((i, "overlapping") for i in self._host.get((0, True), ())),
            ((i, "dangerously ambiguous") for i in self._host.get((host, not ip), ())),
        )
        for i, how in found:
            yield how, self._all[i]


def _struct(port: Obj) -> str:
    """As Go prints the internal type."""
    fields = (("Name", "name", ""), ("HostPort", "hostPort", 0), ("ContainerPort", "containerPort", 0), ("Protocol", "protocol", ""),
              ("HostIP", "hostIP", ""))
    return "{" + " ".join(f"{name}:{port.get(field) or zero}" for name, field, zero in fields) + "}"
