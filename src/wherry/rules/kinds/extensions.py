"""Strategies of APIServices; that of CustomResourceDefinitions is in `wherry.rules.custom.definition`.

Read by the registry through `STRATEGIES`. Source: k8s.io/kube-aggregator/pkg/apis/apiregistration/validation.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.custom.definition import STRATEGY as DEFINITION
from wherry.rules.objects.names import NameRule, dns1035_label, dns1123_subdomain, path_segment_name, port_number
from wherry.rules.objects.strategy import Strategy, keep_status


def _default_service(draft: Obj) -> None:
    if service := draft.setdefault("spec", {}).get("service"):
        service.setdefault("port", 443)
    draft.setdefault("status", {})


def _new_service(draft: Obj) -> None:
    draft["status"] = {}


def _name(obj: Obj) -> NameRule:
    """What a name, and the beginning of a generated one, must be."""
    spec = obj.get("spec") or {}
    wanted = f"{spec.get('version') or ''}.{spec.get('group') or ''}"

    def rule(name: str) -> list[str]:
        return path_segment_name(name) or ([] if name == wanted else [f'must be `spec.version+"."+spec.group`: "{wanted}"'])

    return rule


def validate_api_service(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    group, version, service = spec.get("group") or "", spec.get("version") or "", spec.get("service")
    errors: Errors = []
    if not group and version != "v1":
        errors.append(required("spec.group", "only v1 may have an empty group and it better be legacy kube"))
    errors += [invalid("spec.group", group, m) for m in dns1123_subdomain(group)] if group else []
    errors += [invalid("spec.version", version, m) for m in dns1035_label(version)]
    for part, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < spec.get(part, 0) <= limit:
            errors.append(invalid(child("spec", part), spec.get(part, 0), f"must be positive and less than {limit}"))
    return errors + (_local(spec) if service is None else _remote(spec, service))


def _local(spec: Obj) -> Errors:
    errors: Errors = []
    if bundle := spec.get("caBundle"):
        size = len(bundle) * 3 // 4 - bundle[-2:].count("=")
        errors.append(invalid("spec.caBundle", f"{size} bytes", "local APIServices may not have a caBundle"))
    if spec.get("insecureSkipTLSVerify"):
        errors.append(invalid("spec.insecureSkipTLSVerify", True, "local APIServices may not have insecureSkipTLSVerify"))
    return errors


def _remote(spec: Obj, service: Obj) -> Errors:
    errors: Errors = [required(child("spec.service", k)) for k in ("namespace", "name") if not service.get(k)]
    if messages := port_number(service.get("port", 443)):
        errors.append(invalid("spec.service.port", service["port"], f"port is not valid: {', '.join(messages)}"))
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        errors.append(invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present"))
    return errors


def _api_service_status(new: Obj, old: Obj) -> Errors:
    known = ("True", "False", "Unknown")
    conditions = (new.get("status") or {}).get("conditions") or ()
    return [
        not_supported(child(index("status.conditions", i), "status"), c.get("status", ""), known)
        for i, c in enumerate(conditions)
        if c.get("status") not in known
    ]


STRATEGIES: dict[str, Strategy] = {
    "CustomResourceDefinition.apiextensions.k8s.io": DEFINITION,
    "APIService.apiregistration.k8s.io": Strategy(
        default=_default_service,
        prepare_create=_new_service,
        prepare_update=keep_status,
        validate=validate_api_service,
        metadata="plain",
        revalidate="after",
        validate_status=_api_service_status,
        name_of=_name,
        unconditional_update=False,
    ),
}
