"""Defaults of a container, of whatever sort: pull policy, termination message, ports, env references, probes, hooks, quantities.

Called by the defaults of pod specs, for pods and templates alike. Changes the private draft in place. Idempotent.
Source: pkg/apis/core/v1/defaults.go, zz_generated.defaults.go.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.texts.image_name import tag_of

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_MILLI = 10**6


def default_container(container: Obj) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        if source := variable.get("valueFrom"):
            _variable(source)
    if resources := container.get("resources"):
        default_resources(resources)
    elif resources is None:
        container["resources"] = {}
    for name in _PROBES:
        if (probe := container.get(name)) is not None:
            _probe(probe)
    if lifecycle := container.get("lifecycle"):
        for name in _HOOKS:
            if hook := lifecycle.get(name):
                _http_get(hook)


def pull_policy(image: str) -> str:
    """What an image is pulled by when nobody says: always where it can change under its name."""
    return "Always" if tag_of(image) == "latest" else "IfNotPresent"


def field_reference(reference: Obj) -> None:
    if not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def default_resources(resources: Obj) -> None:
    for name in ("limits", "requests"):
        if listed := resources.get(name):
            round_up(listed)


def round_up(listed: Obj) -> None:
    """Quantities are whole milli-units at the finest."""
    for name, value in listed.items():
        rounded = _rounded(value)
        if rounded is not value:
            listed[name] = rounded


@lru_cache(maxsize=4096)
def _rounded(value: str | int | float) -> str | int | float:
    amount = quantity.quantity(value)
    if amount.nano % _MILLI == 0:
        return value
    return quantity.format_(Fraction(-(-amount.nano // _MILLI), 1000), amount.format)


def _variable(source: Obj) -> None:
    if (reference := source.get("fieldRef")) is not None:
        field_reference(reference)
    if (reference := source.get("fileKeyRef")) is not None and reference.get("optional") is None:
        reference["optional"] = False


def _probe(probe: Obj) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(name):
            probe[name] = value
    _http_get(probe)
    if (grpc := probe.get("grpc")) is not None and grpc.get("service") is None:
        grpc["service"] = ""


def _http_get(handler: Obj) -> None:
    if (action := handler.get("httpGet")) is not None:
        if not action.get("path"):
            action["path"] = "/"
        if not action.get("scheme"):
            action["scheme"] = "HTTP"
