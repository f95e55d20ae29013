"""Rows of networking.k8s.io. Called through `tables.row`. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import NONE, age, name, notes, selector_text, spec
from wherry.rules.showing.tables.column import AGE, NAME, Printer, doc, text
from wherry.rules.showing.tables.services import load_balancer

_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_MAX_HOSTS = 3


def _hosts(rules: list[Obj]) -> str:
    """The first hosts. A rule past the third host ends the list, whether it names one or not, as the reference does."""
    shown: list[str] = []
    more = False
    for rule in rules:
        more = more or len(shown) == _MAX_HOSTS
        if not more and rule.get("host"):
            shown.append(rule["host"])
    if not shown:
        return "*"
    listed = ",".join(shown)
    return f"{listed} + {len(rules) - _MAX_HOSTS} more..." if more else listed


def _ingress(obj: Obj, now: float) -> list[Any]:
    wanted = spec(obj)
    class_name = wanted.get("ingressClassName")
    return [name(obj), NONE if class_name is None else class_name, _hosts(wanted.get("rules") or []), ",".join(load_balancer(obj)),
            "80, 443" if wanted.get("tls") else "80", age(obj, now)]  # fmt: skip


def _ingress_class(obj: Obj, now: float) -> list[Any]:
    title = name(obj) + (" (default)" if notes(obj).get(_DEFAULT_CLASS) == "true" else "")
    parameters, shown = spec(obj).get("parameters"), NONE
    if parameters is not None:
        group = parameters.get("apiGroup")
        shown = parameters.get("kind", "") + ("" if group is None else f".{group}") + "/" + parameters.get("name", "")
    return [title, spec(obj).get("controller", ""), shown, age(obj, now)]


def _network_policy(obj: Obj, now: float) -> list[Any]:
    return [name(obj), selector_text(spec(obj).get("podSelector")), age(obj, now)]


def _service_cidr(obj: Obj, now: float) -> list[Any]:
    return [name(obj), ",".join(spec(obj).get("cidrs") or ()), age(obj, now)]


def _ip_address(obj: Obj, now: float) -> list[Any]:
    ref, shown = spec(obj).get("parentRef"), NONE
    if ref is not None:
        resource = ".".join(p for p in (ref.get("resource", ""), ref.get("group", "")) if p).lower()
        shown = "/".join(p for p in (resource, ref.get("namespace", "")) if p) + "/" + ref.get("name", "")
    # one cell more than columns, as the reference has it
    return [name(obj), shown, age(obj, now)]


PRINTERS = {
    "Ingress.networking.k8s.io": Printer(
        (
            NAME,
            text("Class", "The name of the IngressClass resource that should be used for additional configuration"),
            text("Hosts", "Hosts that incoming requests are matched against before the ingress rule"),
            text("Address", "Address is a list containing ingress points for the load-balancer"),
            text("Ports", "Ports of TLS configurations that open"),
            AGE,
        ),
        _ingress,
    ),
    "IngressClass.networking.k8s.io": Printer(
        (
            NAME,
            text("Controller", "Controller that is responsible for handling this class"),
            text("Parameters", "A reference to a resource with additional parameters"),
            AGE,
        ),
        _ingress_class,
    ),
    "NetworkPolicy.networking.k8s.io": Printer(
        (NAME, text("Pod-Selector", doc("networking.v1.NetworkPolicySpec", "podSelector")), AGE), _network_policy
    ),
    "ServiceCIDR.networking.k8s.io": Printer((NAME, text("CIDRs", doc("networking.v1.ServiceCIDRSpec", "cidrs")), AGE), _service_cidr),
    "IPAddress.networking.k8s.io": Printer((NAME, text("ParentRef", doc("networking.v1.IPAddressSpec", "parentRef"))), _ip_address),
}
