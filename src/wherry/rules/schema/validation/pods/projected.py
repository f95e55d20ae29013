"""Volumes made of files that the API knows: secrets, ConfigMaps, fields of the pod, tokens, and all of these in one.

Called by the rules of volumes. Not here: clusterTrustBundle and podCertificate, whose feature gates are off; preparation drops them.
Source: pkg/apis/core/validation validateSecretVolumeSource, validateConfigMapVolumeSource, validateDownwardAPIVolumeSource,
validateProjectionSources.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, invalid, required
from wherry.api.objects import Obj
from wherry.rules.schema.validation.pods.env import field_selector, resource_selector
from wherry.rules.schema.validation.pods.paths import file_mode, not_reserved

_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_DUPLICATE = "conflicting duplicate paths"
_TOO_SHORT, _TOO_LONG = "may not specify a duration less than 10 minutes", "may not specify a duration larger than 2^32 seconds"
_ONE = "may not specify more than 1 volume type per source"


def keys(source: Obj, name: str, path: str) -> Errors:
    """A secret or ConfigMap, named by the field `name`, and which of its keys become files."""
    errors: Errors = [] if source.get(name) else [required(child(path, name))]
    errors += file_mode(source, "defaultMode", path)
    for i, item in enumerate(source.get("items") or ()):
        errors += _key_to_path(item, f"{path}.items[{i}]")
    return errors


def _key_to_path(item: Obj, path: str) -> Errors:
    where = item.get("path") or ""
    errors: Errors = [required(child(path, n)) for n in ("key", "path") if not item.get(n)]
    return errors + not_reserved(where, f"{path}.path") + file_mode(item, "mode", path)


def downward_api(source: Obj, path: str) -> Errors:
    errors = file_mode(source, "defaultMode", path)
    for item in source.get("items") or ():
        errors += _field_file(item, path)
    return errors


def _field_file(item: Obj, path: str) -> Errors:
    """The reference does not say which item it is."""
    where, field, resource = item.get("path") or "", item.get("fieldRef"), item.get("resourceFieldRef")
    errors: Errors = [] if where else [required(child(path, "path"))]
    errors += not_reserved(where, f"{path}.path")
    if field is not None:
        errors += field_selector(field, _FIELDS, f"{path}.fieldRef")
        if resource is not None:
            errors.append(invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"))
    elif resource is not None:
        errors += resource_selector(resource, child(path, "resourceFieldRef"), of_container=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + file_mode(item, "mode", path)


def projected(source: Obj, path: str) -> Errors:
    errors = file_mode(source, "defaultMode", path)
    seen: set[str] = set()
    for i, entry in enumerate(source.get("sources") or ()):
        at = f"{path}.sources[{i}]"
        count = 0
        for kind in ("secret", "configMap"):
            bag = entry.get(kind)
            if bag is not None:
                count += 1
                errors += _projected_keys(bag, seen, f"{at}.{kind}", path)
        fields, token = entry.get("downwardAPI"), entry.get("serviceAccountToken")
        if fields is not None:
            count += 1
            errors += _projected_fields(fields, seen, f"{at}.downwardAPI", path)
        if token is not None:
            count += 1
            errors += _token(token, f"{at}.serviceAccountToken", path)
        if count > 1:
            errors.append(forbidden(at, _ONE))
    return errors


def _projected_keys(bag: Obj, seen: set[str], path: str, volume: str) -> Errors:
    """A path that is taken is an error of the volume, with the name of the bag that took it again."""
    name = bag.get("name") or ""
    errors: Errors = [] if name else [required(child(path, "name"))]
    for i, item in enumerate(bag.get("items") or ()):
        errors += _key_to_path(item, f"{path}.items[{i}]") + _once(item.get("path"), seen, volume, name)
    return errors


def _projected_fields(fields: Obj, seen: set[str], path: str, volume: str) -> Errors:
    errors: Errors = []
    for item in fields.get("items") or ():
        errors += _field_file(item, path) + _once(item.get("path"), seen, volume, item.get("path") or "")
    return errors


def _once(where: str | None, seen: set[str], path: str, shown: str) -> Errors:
    if not where:
        return []
    taken = where in seen
    seen.add(where)
    return [invalid(path, shown, _DUPLICATE)] if taken else []


def _token(token: Obj, path: str, volume: str) -> Errors:
    """The reference names the file's path as if it were the volume's."""
    seconds, where = token.get("expirationSeconds") or 0, token.get("path")
    errors: Errors = []
    if not 600 <= seconds <= 2**32:
        errors.append(invalid(child(path, "expirationSeconds"), seconds, _TOO_SHORT if seconds < 600 else _TOO_LONG))
    at = child(volume, "path")
    return errors + (not_reserved(where, at) if where else [required(at)])
