"""Environment variables of a container, and the references to fields and resources that volumes share with them.

Called by the rules of containers and of downward API volumes. Names are printable ASCII without `=` (KEP-4369).
Source: pkg/apis/core/validation ValidateEnv, ValidateEnvFrom, validateObjectFieldSelector, validateContainerResourceFieldSelector;
pkg/apis/core/pods ConvertDownwardAPIFieldLabel; KEP-3721 (fileKeyRef).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wherry.api import quantity
from wherry.api.field import Errors, child, invalid, not_found, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import as_prefix, config_map_key, dns1123_label, dns1123_subdomain, env_var_name, qualified_name
from wherry.rules.schema.validation.pods.paths import no_backsteps

_ENV_FIELDS = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
               "status.hostIPs", "status.podIP", "status.podIPs")  # fmt: skip
_OTHER_FIELDS = ("metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase")
_SUBSCRIPTED = ("metadata.annotations", "metadata.labels")
_RESOURCES = ("limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory")
_HUGE = ("limits.hugepages-", "requests.hugepages-")
_BYTES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
#: by resource: what an amount may be divided by, how messages list these, and how they call the resource
_DIVISORS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "cpu": (("1m", "1"), "1m and 1", "cpu"),
    "memory": (_BYTES, ", ".join(_BYTES), "memory"),
    "ephemeral-storage": (_BYTES, ", ".join(_BYTES), "local ephemeral storage"),
    "hugepages": (_BYTES, ", ".join(_BYTES), "hugepages"),
}
_ONE_OF = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_TOO_MANY = "may not have more than one field specified at a time"


def env(variables: list[Obj], path: str) -> Errors:
    errors: Errors = []
    for i, variable in enumerate(variables):
        name = variable.get("name")
        if not name:
            errors.append(required(f"{path}[{i}].name"))
        elif messages := env_var_name(name):
            errors += [invalid(f"{path}[{i}].name", name, m) for m in messages]
        source = variable.get("valueFrom")
        if source is not None:
            errors += _source(source, variable.get("value"), f"{path}[{i}].valueFrom")
    return errors


def _source(source: Obj, value: str | None, path: str) -> Errors:
    errors: Errors = []
    count = 0
    for name, rule in _SOURCES:
        ref = source.get(name)
        if ref is not None:
            count += 1
            errors += rule(ref, f"{path}.{name}")
    if not count:
        errors.append(invalid(path, "", _ONE_OF))
    elif value:
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        errors.append(invalid(path, "", _TOO_MANY))
    return errors


def env_from(sources: list[Obj], path: str) -> Errors:
    errors: Errors = []
    for i, source in enumerate(sources):
        if prefix := source.get("prefix"):
            errors += [invalid(f"{path}[{i}].prefix", prefix, m) for m in env_var_name(prefix)]
        found = [n for n in ("configMapRef", "secretRef") if source.get(n) is not None]
        for name in found:
            errors += _object_name(source[name], f"{path}[{i}].{name}")
        if len(found) != 1:
            errors.append(invalid(path, "", _TOO_MANY if found else "must specify one of: `configMapRef` or `secretRef`"))
    return errors


def _object_name(ref: Obj, path: str) -> Errors:
    at = child(path, "name")
    name = ref.get("name")
    return [invalid(at, name, m) for m in as_prefix(dns1123_subdomain, name)] if name else [required(at)]


def env_field(ref: Obj, path: str) -> Errors:
    return field_selector(ref, _ENV_FIELDS, path)


def field_selector(ref: Obj, supported: tuple[str, ...], path: str) -> Errors:
    """A field of the pod; `supported`, sorted, are those that may be named without a subscript."""
    version, label = ref.get("apiVersion") or "", ref.get("fieldPath") or ""
    if version == "v1" and label in supported:
        return []
    if not version or not label:
        return [required(child(path, "fieldPath" if version else "apiVersion"))]
    name, subscript = _split(label)
    fault = _unknown(version, label, name, subscript)
    if fault:
        return [invalid(child(path, "fieldPath"), label, f"error converting fieldPath: {fault}")]
    if subscript is not None:
        lower = name == "metadata.annotations"
        key = subscript.lower() if lower else subscript
        return [invalid(path, key, m) for m in qualified_name(key)]
    name = "spec.nodeName" if name == "spec.host" else name
    return [] if name in supported else [not_supported(child(path, "fieldPath"), name, supported)]


def _split(label: str) -> tuple[str, str | None]:
    """`metadata.labels['a']` is a path and a subscript."""
    if label.endswith("']"):
        name, found, subscript = label[:-2].partition("['")
        if found and name:
            return name, subscript
    return label, None


def _unknown(version: str, label: str, name: str, subscript: str | None) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscript is not None:
        return "" if name in _SUBSCRIPTED else f"field label does not support subscript: {label}"
    known = name in _ENV_FIELDS or name in _OTHER_FIELDS or name == "spec.host"
    return "" if known else f"field label not supported: {label}"


def env_resource(ref: Obj, path: str) -> Errors:
    return resource_selector(ref, path, of_container=False)


def resource_selector(ref: Obj, path: str, *, of_container: bool) -> Errors:
    """An amount of a container; in a volume it says which one (`of_container`)."""
    resource = ref.get("resource") or ""
    errors: Errors = []
    if of_container and not ref.get("containerName"):
        errors.append(required(child(path, "containerName")))
    elif not resource:
        errors.append(required(child(path, "resource")))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE):
        errors.append(not_supported(child(path, "resource"), resource, _RESOURCES))
    return errors + _divisor(resource, ref.get("divisor"), path)


def _divisor(resource: str, divisor: quantity.Text | None, path: str) -> Errors:
    if divisor is None or not quantity.nano(divisor):
        return []
    kind = "hugepages" if resource.startswith(_HUGE) else resource.partition(".")[2] if resource in _RESOURCES else ""
    if kind not in _DIVISORS:
        return []
    supported, listed, what = _DIVISORS[kind]
    if quantity.canonical(divisor) in supported:
        return []
    return [invalid(child(path, "divisor"), resource, f"only divisor's values {listed} are supported with the {what} resource")]


def _key(ref: Obj, path: str) -> Errors:
    """A key of a ConfigMap or Secret."""
    name, key = ref.get("name") or "", ref.get("key")
    errors: Errors = [invalid(child(path, "name"), name, m) for m in dns1123_subdomain(name)]
    if not key:
        return [*errors, required(child(path, "key"))]
    return errors + [invalid(child(path, "key"), key, m) for m in config_map_key(key)]


def _file_key(ref: Obj, path: str) -> Errors:
    errors: Errors = []
    for name, rule in (("key", env_var_name), ("volumeName", dns1123_label)):
        value = ref.get(name)
        errors += [invalid(child(path, name), value, m) for m in rule(value)] if value else [required(child(path, name))]
    where, at = ref.get("path"), child(path, "path")
    return errors + (no_backsteps(where, at) if where else [required(at)])


_SOURCES: tuple[tuple[str, Callable[[Obj, str], Errors]], ...] = (
    ("fieldRef", env_field),
    ("resourceFieldRef", env_resource),
    ("configMapKeyRef", _key),
    ("secretKeyRef", _key),
    ("fileKeyRef", _file_key),
)


def file_volumes(volumes: list[Obj], visited: Iterable[tuple[Obj, str]]) -> Errors:
    """Variables from files come from emptyDir volumes. `visited`: the containers with their paths."""
    errors: Errors = []
    for container, path in visited:
        for i, variable in enumerate(container.get("env") or ()):
            source = variable.get("valueFrom")
            ref = source.get("fileKeyRef") if source else None
            if ref is None:
                continue
            name, at = ref.get("volumeName") or "", f"{path}.env[{i}].valueFrom.fileKeyRef.volumeName"
            volume = next((v for v in reversed(volumes) if (v.get("name") or "") == name), None)
            if volume is None:
                errors.append(not_found(at, name))
            elif volume.get("emptyDir") is None:
                errors.append(invalid(at, name, "referenced volume must be of type emptyDir"))
    return errors
