"""Rows of admission webhooks and policies. Called through `tables.row`. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import UNSET, age, name, spec
from wherry.rules.showing.tables.column import AGE, NAME, Cells, Printer, integer, text

_PARAM_KIND = text("ParamKind", "ParamKind specifies the kind of resources used to parameterize this policy")


def _webhooks(obj: Obj, now: float) -> list[Any]:
    return [name(obj), len(obj.get("webhooks") or ()), age(obj, now)]


def _policy(rules: str) -> Cells:
    def cells(obj: Obj, now: float) -> list[Any]:
        kind = spec(obj).get("paramKind")
        shown = UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"
        return [name(obj), len(spec(obj).get(rules) or ()), shown, age(obj, now)]

    return cells


def _expression(requirement: Obj) -> str:
    values = " ".join(requirement.get("values") or ())
    return f"{{Key:{requirement.get('key', '')},Operator:{requirement.get('operator', '')},Values:[{values}],}},"


def _selector(selector: Obj) -> str:
    """The selector as the reference's generated code prints it."""
    labels = "".join(f"{k}: {v}," for k, v in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(map(_expression, selector.get("matchExpressions") or ()))
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"


def _param(ref: Obj | None) -> str:
    if ref is None:
        return UNSET
    if ref.get("name"):
        return f"{ref.get('namespace') or '*'}/{ref['name']}"
    selector = ref.get("selector")
    return UNSET if selector is None else _selector(selector)


def _binding(obj: Obj, now: float) -> list[Any]:
    return [name(obj), spec(obj).get("policyName", ""), _param(spec(obj).get("paramRef")), age(obj, now)]


_WEBHOOKS = Printer(
    (NAME, integer("Webhooks", "Webhooks indicates the number of webhooks registered in this configuration"), AGE),
    _webhooks,
)
_BINDINGS = Printer(
    (
        NAME,
        text("PolicyName", "PolicyName indicates the policy definition which the policy binding binded to"),
        text("ParamRef", "ParamRef indicates the param resource which sets the configuration param"),
        AGE,
    ),
    _binding,
)
_GROUP = "admissionregistration.k8s.io"
PRINTERS = {
    f"MutatingWebhookConfiguration.{_GROUP}": _WEBHOOKS,
    f"ValidatingWebhookConfiguration.{_GROUP}": _WEBHOOKS,
    f"ValidatingAdmissionPolicy.{_GROUP}": Printer(
        (
            NAME,
            integer("Validations", "Validations indicates the number of validation rules defined in this configuration"),
            _PARAM_KIND,
            AGE,
        ),
        _policy("validations"),
    ),
    f"MutatingAdmissionPolicy.{_GROUP}": Printer(
        (NAME, integer("Mutations", "Mutation indicates the number of mutations rules defined in this configuration"), _PARAM_KIND, AGE),
        _policy("mutations"),
    ),
    f"ValidatingAdmissionPolicyBinding.{_GROUP}": _BINDINGS,
    f"MutatingAdmissionPolicyBinding.{_GROUP}": _BINDINGS,
}
