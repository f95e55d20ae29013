"""All errors of a CustomResourceDefinition: names, versions, columns, subresources, conversion; the schemas are `schema_validation`'s.

Called through the strategy of definitions. Turns a definition, and on an update the one before, into causes, in the reference's order.
Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.custom import approval, conditions
from wherry.rules.custom.hoisted import hoist, shown
from wherry.rules.custom.names import names_errors
from wherry.rules.custom.schema_validation import schema_errors
from wherry.rules.custom.selectable import selectable_errors
from wherry.rules.objects.names import dns1035_label, dns1123_subdomain
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.webhook_clients import ca_bundle, client_config

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_REVIEWS = ("v1", "v1beta1")
_NO_SCHEMA = "may only be set when `version.schema.openAPIV3Schema` is not included"
_NO_SCHEMA_ABOVE = "may only be set when validations.schema is included"


def validate_definition(obj: Obj) -> Errors:
    """All errors of a new definition."""
    spec = obj.get("spec") or {}
    names, name = spec.get("names") or {}, obj["metadata"].get("name", "")
    errors: Errors = []
    if name and name != f"{names.get('plural', '')}.{spec.get('group') or ''}":
        errors.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    return errors + _spec(spec) + _status(obj) + approval.errors(obj) + _pruning(spec)


def validate_definition_update(new: Obj, old: Obj) -> Errors:
    """All errors of a definition that was there before: beside those of a new one, what may not change."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _spec(spec) + _fixed(spec, before, established=conditions.is_true(old, "Established")) + _status(new)
    return errors + approval.errors(new, old) + ([] if before.get("preserveUnknownFields") else _pruning(spec))


def _fixed(spec: Obj, before: Obj, *, established: bool) -> Errors:
    names, old_names = spec.get("names") or {}, before.get("names") or {}
    errors: Errors = []
    if established:
        if spec.get("scope") != before.get("scope"):
            errors.append(invalid("spec.scope", spec.get("scope"), IMMUTABLE))
        if names.get("kind") != old_names.get("kind"):
            errors.append(invalid("spec.names.kind", names.get("kind"), IMMUTABLE))
    if spec.get("group") != before.get("group"):
        errors.append(invalid("spec.group", spec.get("group"), IMMUTABLE))
    if names.get("plural") != old_names.get("plural"):
        errors.append(invalid("spec.names.plural", names.get("plural"), IMMUTABLE))
    return errors


def _status(obj: Obj) -> Errors:
    return names_errors((obj.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames") + _stored(obj)


def _spec(spec: Obj) -> Errors:
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    above, each = hoist(versions)
    any_status = any(_has_status(version) for version in versions)
    errors = _group(spec.get("group") or "") + _scope(spec.get("scope") or "") + _versions(versions, each)
    errors += [required(child("spec.names", k)) for k in ("plural", "singular", "kind", "listKind") if not names.get(k)]
    errors += names_errors(names, "spec.names") + _schema(above.get("schema"), "spec.validation", with_status=any_status)
    return errors + _rest(above, "spec", above.get("schema"), _NO_SCHEMA_ABOVE) + _conversion(spec.get("conversion") or {})


def _has_status(version: Obj) -> bool:
    return (version.get("subresources") or {}).get("status") is not None


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


def _versions(versions: list[Obj], without: list[Obj]) -> Errors:
    """`without`: the versions less what they have in common."""
    errors: Errors = [
        required(child(index("spec.versions", i), "schema", "openAPIV3Schema"))
        for i, version in enumerate(versions)
        if (version.get("schema") or {}).get("openAPIV3Schema") is None
    ]
    names = [v.get("name", "") for v in versions]
    for i, version in enumerate(without):
        path = index("spec.versions", i)
        if messages := dns1035_label(names[i]):
            errors.append(invalid(child(path, "name"), names[i], ",".join(messages)))
        errors += [invalid(child(path, "deprecationWarning"), version.get("deprecationWarning"), m) for m in _deprecation(version)]
        errors += _schema(version.get("schema"), child(path, "schema"), with_status=_has_status(versions[i]))
        errors += _rest(version, path, version.get("schema"), _NO_SCHEMA)
    if len(set(names)) != len(names):
        errors.append(_versions_wrong(versions, "must contain unique version names"))
    if sum(bool(v.get("storage")) for v in versions) != 1:
        errors.append(_versions_wrong(versions, "must have exactly one version marked as storage version"))
    return errors


def _versions_wrong(versions: list[Obj], detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {shown(versions)}: {detail}", "spec.versions")


def _schema(given: Obj | None, path: str, *, with_status: bool) -> Errors:
    schema = (given or {}).get("openAPIV3Schema")
    return [] if schema is None else schema_errors(schema, child(path, "openAPIV3Schema"), with_status=with_status)


def _rest(of: Obj, path: str, given: Obj | None, no_schema: str) -> Errors:
    """Subresources, columns and selectable fields, of one version or of all."""
    errors = _scale((of.get("subresources") or {}).get("scale"), child(path, "subresources"))
    columns = of.get("additionalPrinterColumns") or ()
    errors += [e for j, c in enumerate(columns) for e in _column(c, index(child(path, "additionalPrinterColumns"), j))]
    if fields := of.get("selectableFields"):
        schema, at = (given or {}).get("openAPIV3Schema"), child(path, "selectableFields")
        errors += selectable_errors(fields, schema, at) if schema is not None else [invalid(at, "", no_schema)]
    return errors


def _deprecation(version: Obj) -> list[str]:
    text = version.get("deprecationWarning")
    if text is None:
        return []
    if not version.get("deprecated"):
        return ["can only be set for deprecated versions"]
    found = ["must be <= 256 characters long"] if len(text.encode()) > 256 else []
    if not text:
        found.append("must not be an empty string")
    for i, c in enumerate(text):
        if not c.isprintable():
            found.append(f"must only contain printable UTF-8 characters; non-printable character found at index {i}")
            break
    return found


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
    if not column.get("jsonPath"):
        return [*errors, required(child(path, "JSONPath"))]
    return errors + _path(column["jsonPath"], child(path, "JSONPath"))


def _path(value: str, path: str) -> Errors:
    return [] if value.startswith(".") else [invalid(path, value, "must be a simple json path starting with .")]


def _scale(scale: Obj | None, path: str) -> Errors:
    if scale is None:
        return []
    errors: Errors = []
    for name, below in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        at, value = child(path, f"scale.{name}"), scale.get(name) or ""
        if not value:
            errors.append(required(at))
        elif found := _path(value, at):
            errors += found
        elif not value.startswith(f"{below}."):
            errors.append(invalid(at, value, f"should be a json path under {below}"))
    if selector := scale.get("labelSelectorPath"):
        at = child(path, "scale.labelSelectorPath")
        if found := _path(selector, at):
            errors += found
        elif not selector.startswith((".spec.", ".status.")):
            errors.append(invalid(at, selector, "should be a json path under either .spec or .status"))
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
        else:
            errors += client_config(client, f"{path}.webhookClientConfig")
            errors += ca_bundle(client.get("caBundle"), f"{path}.webhookClientConfig.caBundle")
        return errors + _review_versions(webhook.get("conversionReviewVersions") or [], f"{path}.conversionReviewVersions")
    if client is not None:
        errors.append(forbidden(f"{path}.webhookClientConfig", "should not be set when strategy is not set to Webhook"))
    if webhook.get("conversionReviewVersions"):
        errors.append(forbidden(f"{path}.conversionReviewVersions", "should not be set when strategy is not set to Webhook"))
    return errors


def _review_versions(versions: list[str], path: str) -> Errors:
    if not versions:
        return [required(path)]
    errors: Errors = []
    for i, version in enumerate(versions):
        if version in versions[:i]:
            errors.append(invalid(index(path, i), version, "duplicate version"))
        else:
            errors += [invalid(index(path, i), version, m) for m in dns1035_label(version)]
    if not set(versions) & set(_REVIEWS):
        errors.append(invalid(path, versions, f"must include at least one of {', '.join(_REVIEWS)}"))
    return errors


def _stored(obj: Obj) -> Errors:
    stored, path = (obj.get("status") or {}).get("storedVersions") or [], "status.storedVersions"
    if not stored:
        return [invalid(path, stored or None, "must have at least one stored version")]
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


def _pruning(spec: Obj) -> Errors:
    if not spec.get("preserveUnknownFields"):
        return []
    why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    return [invalid("spec.preserveUnknownFields", True, why)]
