"""Which Ingresses the built-in controller serves: those whose class names it, and the class object that it makes.

Called by the ingress controller. A class is ours by `spec.controller`, whatever its name. The annotation of old is heeded where there is no
`spec.ingressClassName`; an Ingress without either is nobody's (admission fills in the default class when one is made).
Source: https://kubernetes.io/docs/concepts/services-networking/ingress/ (Ingress class).
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj, annotations_of, name

CONTROLLER = "wherry.dev/ingress"
CLASS = "wherry"
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_OLD_CLASS = "kubernetes.io/ingress.class"


def ingress_class(others: Iterable[Obj]) -> Obj:
    """The object to be made; it is the default class when no other one is."""
    taken = any(annotations_of(each).get(_DEFAULT) == "true" for each in others)
    meta: Obj = {"name": CLASS} if taken else {"name": CLASS, "annotations": {_DEFAULT: "true"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": meta, "spec": {"controller": CONTROLLER}}


def own_classes(classes: Iterable[Obj]) -> frozenset[str]:
    """The names of the classes that are this controller's."""
    return frozenset(name(each) for each in classes if (each.get("spec") or {}).get("controller") == CONTROLLER)


def is_ours(ingress: Obj, classes: frozenset[str]) -> bool:
    wanted = (ingress.get("spec") or {}).get("ingressClassName") or annotations_of(ingress).get(_OLD_CLASS)
    return wanted in classes
