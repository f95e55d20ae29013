"""Strategies of CustomResourceDefinitions and APIServices.

Read by the registry through `STRATEGIES`. Of a CustomResourceDefinition names, versions, conversion and printer columns are
validated. Not validated: the schemas (structural rules, defaults, CEL), selectable fields, the approval annotation of *.k8s.io groups.
Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation, k8s.io/kube-aggregator/pkg/apis/apiregistration/validation.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.strategy import Strategy, keep_status
from wherry.rules.validation.metadata import IMMUTABLE
from wherry.rules.validation.names import dns1035_label, dns1123_subdomain, port_number

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_MIXED = "may have mixed case, but should otherwise match: "


def default_definition(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if not names.get("singular"):
        names["singular"] = names.get("kind", "").lower()
    if not names.get("listKind") and names.get("kind"):
        names["listKind"] = f"{names['kind']}List"
    conversion = spec.get("conversion")
    if conversion is None:
        spec["conversion"] = {"strategy": "None"}
    elif service := ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service"):
        service.setdefault("port", 443)
    draft["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, **(draft.get("status") or {})}
    if not draft["status"].get("storedVersions"):
        draft["status"]["storedVersions"] = _storage_versions(spec) or None


def _storage_versions(spec: Obj) -> list[str]:
    return [v.get("name", "") for v in spec.get("versions") or () if v.get("storage")][:1]


def _new_definition(draft: Obj) -> None:
    draft.pop("status", None)
    default_definition(draft)


def _update_definition(draft: Obj, old: Obj) -> None:
    """The storage version joins those that were."""
    keep_status(draft, old)
    status = draft.get("status") or {}
    stored: list[str] = status.get("storedVersions") or []
    added = [v for v in _storage_versions(draft.get("spec") or {}) if v not in stored]
    if added:
        draft["status"] = {**status, "storedVersions": [*stored, *added]}


def validate_definition(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    group, names, name = spec.get("group") or "", spec.get("names") or {}, obj["metadata"].get("name", "")
    errors: Errors = []
    if name and name != f"{names.get('plural', '')}.{group}":
        errors.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    errors += _group(group) + _scope(spec.get("scope") or "") + _versions(spec.get("versions") or [])
    errors += [required(child("spec.names", k)) for k in ("plural", "singular", "kind", "listKind") if not names.get(k)]
    return errors + _names(names) + _conversion(spec.get("conversion") or {}) + _stored(obj)


def _group(group: str) -> Errors:
    if not group:
        return [required("spec.group")]
    if messages := dns1123_subdomain(group):
        return [invalid("spec.group", group, ",".join(messages))]
    return [] if "." in group else [invalid("spec.group", group, "should be a domain with at least one dot")]


def _scope(scope: str) -> Errors:
    if not scope:
        return [required("spec.scope")]
    known = ("Cluster", "Namespaced")
    return [] if scope in known else [not_supported("spec.scope", scope, known)]


def _versions(versions: list[Obj]) -> Errors:
    errors: Errors = [
        required(child(index("spec.versions", i), "schema", "openAPIV3Schema"))
        for i, version in enumerate(versions)
        if (version.get("schema") or {}).get("openAPIV3Schema") is None
    ]
    names = [v.get("name", "") for v in versions]
    for i, version in enumerate(versions):
        path = index("spec.versions", i)
        if messages := dns1035_label(names[i]):
            errors.append(invalid(child(path, "name"), names[i], ",".join(messages)))
        columns = version.get("additionalPrinterColumns") or ()
        errors += [e for j, c in enumerate(columns) for e in _column(c, index(child(path, "additionalPrinterColumns"), j))]
    if len(set(names)) != len(names):
        errors.append(invalid("spec.versions", versions, "must contain unique version names"))
    if sum(bool(v.get("storage")) for v in versions) != 1:
        errors.append(invalid("spec.versions", versions or None, "must have exactly one version marked as storage version"))
    return errors


def _column(column: Obj, path: str) -> Errors:
    type_, format_ = column.get("type") or "", column.get("format") or ""
    errors: Errors = [] if column.get("name") else [required(child(path, "name"))]
    text = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not type_:
        errors.append(required(child(path, "type"), text))
    elif type_ not in _COLUMN_TYPES:
        errors.append(invalid(child(path, "type"), type_, text))
    if format_ and format_ not in _COLUMN_FORMATS:
        errors.append(invalid(child(path, "format"), format_, f"must be one of {','.join(_COLUMN_FORMATS)}"))
    return errors if column.get("jsonPath") else [*errors, required(child(path, "JSONPath"))]


def _names(names: Obj) -> Errors:
    errors: Errors = []
    for part in ("plural", "singular", "kind", "listKind"):
        value, mixed = names.get(part) or "", part in ("kind", "listKind")
        messages = dns1035_label(value.lower() if mixed else value) if value else []
        if messages:
            errors.append(invalid(child("spec.names", part), value, (_MIXED if mixed else "") + ",".join(messages)))
    for part in ("shortNames", "categories"):
        for i, value in enumerate(names.get(part) or ()):
            if messages := dns1035_label(value):
                errors.append(invalid(index(child("spec.names", part), i), value, ",".join(messages)))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        errors.append(invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same"))
    return errors


def _conversion(conversion: Obj) -> Errors:
    strategy, webhook, path = conversion.get("strategy") or "", conversion.get("webhook") or {}, "spec.conversion"
    client = webhook.get("clientConfig")
    errors: Errors = []
    if not strategy:
        errors.append(required(f"{path}.strategy"))
    elif strategy not in ("None", "Webhook"):
        errors.append(not_supported(f"{path}.strategy", strategy, ("None", "Webhook")))
    if strategy == "Webhook":
        if client is None:
            errors.append(required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook"))
        elif (client.get("url") is None) == (client.get("service") is None):
            errors.append(required(f"{path}.webhookClientConfig", "exactly one of url or service is required"))
        if not webhook.get("conversionReviewVersions"):
            errors.append(required(f"{path}.conversionReviewVersions"))
    elif client is not None:
        errors.append(forbidden(f"{path}.webhookClientConfig", "should not be set when strategy is not set to Webhook"))
    return errors


def _stored(obj: Obj) -> Errors:
    stored, path = (obj.get("status") or {}).get("storedVersions") or [], "status.storedVersions"
    if not stored:
        return [invalid(path, stored, "must have at least one stored version")]
    versions = (obj.get("spec") or {}).get("versions") or []
    missing = [v.get("name", "") for v in versions if v.get("storage") and v.get("name") not in stored]
    errors: Errors = [invalid(path, stored, f"must have the storage version {name}") for name in missing]
    names = {v.get("name") for v in versions}
    for i, version in enumerate(stored):
        if version not in names:
            text = (
                f"missing from spec.versions; {version} was previously a storage version, and must remain in spec.versions until a storage "
                f"migration ensures no data remains persisted in {version} and removes {version} from status.storedVersions"
            )
            errors.append(invalid(index(path, i), version, text))
    return errors


def _definition_update(new: Obj, old: Obj) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    names, old_names = spec.get("names") or {}, before.get("names") or {}
    errors: Errors = []
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions):
        if spec.get("scope") != before.get("scope"):
            errors.append(invalid("spec.scope", spec.get("scope"), IMMUTABLE))
        if names.get("kind") != old_names.get("kind"):
            errors.append(invalid("spec.names.kind", names.get("kind"), IMMUTABLE))
    if spec.get("group") != before.get("group"):
        errors.append(invalid("spec.group", spec.get("group"), IMMUTABLE))
    if names.get("plural") != old_names.get("plural"):
        errors.append(invalid("spec.names.plural", names.get("plural"), IMMUTABLE))
    return errors


def _default_service(draft: Obj) -> None:
    if service := draft.setdefault("spec", {}).get("service"):
        service.setdefault("port", 443)
    draft.setdefault("status", {})


def _new_service(draft: Obj) -> None:
    draft["status"] = {}


def validate_api_service(obj: Obj) -> Errors:
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name", "")
    group, version, service = spec.get("group") or "", spec.get("version") or "", spec.get("service")
    wanted = f"{version}.{group}"
    errors: Errors = []
    if name and name != wanted:
        errors.append(invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"'))
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
    "CustomResourceDefinition.apiextensions.k8s.io": Strategy(
        default=default_definition,
        prepare_create=_new_definition,
        prepare_update=_update_definition,
        validate=validate_definition,
        validate_update=_definition_update,
        generation=True,
        unconditional_update=False,
    ),
    "APIService.apiregistration.k8s.io": Strategy(
        default=_default_service,
        prepare_create=_new_service,
        prepare_update=keep_status,
        validate=validate_api_service,
        validate_status=_api_service_status,
        name_rule="path",
        unconditional_update=False,
    ),
}
