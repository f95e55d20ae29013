"""Annotations of pods and templates that say something about the pod, and how they fit the fields that came after them.

Called by the rules of pods and templates; without annotations it costs nothing.
Source: pkg/apis/core/validation ValidatePodSpecificAnnotations, validateSeccompAnnotationsAndFields,
validateAppArmorAnnotationsAndFieldsMatchOnCreate; KEP-2255 (deletion cost), KEP-135 (seccomp), KEP-24 (AppArmor).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from wherry.api.field import Errors, child, forbidden, invalid, key
from wherry.api.objects import Obj
from wherry.rules.schema.validation.pods.paths import descending
from wherry.rules.schema.validation.pods.scheduling import tolerations
from wherry.rules.texts.go_structs.pod_shown import containers
from wherry.rules.texts.json_fault import fault

MIRROR = "kubernetes.io/config.mirror"
_TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_SECCOMP_POD, _SECCOMP = "seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_LOCALHOST, _UNCONFINED = "localhost/", "unconfined"
_RUNTIME_DEFAULT = ("runtime/default", "docker/default")
_is_cost = re.compile(r"-[0-9]+|0|[1-9][0-9]*").fullmatch


def pod_annotations(annotations: Mapping[str, str] | None, spec: Obj, path: str) -> Errors:
    """What is wrong with them by themselves."""
    if not annotations:
        return []
    errors: Errors = []
    if MIRROR in annotations and not spec.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(key(path, MIRROR), annotations[MIRROR], text))
    if listed := annotations.get(_TOLERATIONS):
        errors += _tolerations(listed, path)
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not (_is_cost(cost) and -(2**31) <= int(cost) < 2**31):
        errors.append(invalid(key(path, _DELETION_COST), cost, "must be a 32bit integer"))
    if _SECCOMP_POD in annotations:
        errors += _seccomp(annotations[_SECCOMP_POD], child(path, _SECCOMP_POD))
    errors += [e for k, v in annotations.items() if k.startswith(_SECCOMP) for e in _seccomp(v, child(path, k))]
    return errors + [e for k, v in annotations.items() if k.startswith(_APP_ARMOR) for e in _app_armor(k, v, spec, key(path, k))]


def _tolerations(text: str, path: str) -> Errors:
    if message := fault(text.encode()):
        return [invalid(path, _TOLERATIONS, message)]
    entries = json.loads(text)
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        return [invalid(path, _TOLERATIONS, "json: cannot unmarshal into Go value of type []v1.Toleration")] if entries else []
    return tolerations(entries, child(path, _TOLERATIONS))


def _seccomp(profile: str, path: str) -> Errors:
    if profile in _RUNTIME_DEFAULT or profile == _UNCONFINED:
        return []
    if profile.startswith(_LOCALHOST):
        return descending(profile.removeprefix(_LOCALHOST), path)
    return [invalid(path, profile, "must be a valid seccomp profile")]


def _app_armor(name: str, profile: str, spec: Obj, path: str) -> Errors:
    container = name.removeprefix(_APP_ARMOR)
    found = any((c.get("name") or "") == container for c, _ in containers(spec, ""))
    errors: Errors = [] if found else [invalid(path, container, "container not found")]
    if profile not in ("", "runtime/default", _UNCONFINED) and not profile.startswith(_LOCALHOST):
        errors.append(invalid(path, profile, f'invalid AppArmor profile name: "{profile}"'))
    return errors


def profiles_agree(annotations: Mapping[str, str] | None, spec: Obj, path: str) -> Errors:
    """Where a profile is said twice, both say the same. `path` is that of the spec."""
    if not annotations:
        return []
    context = spec.get("securityContext") or {}
    errors: Errors = []
    if _SECCOMP_POD in annotations:
        at = child(path, "securityContext", "seccompProfile")
        errors += _agree(annotations[_SECCOMP_POD], context.get("seccompProfile"), _RUNTIME_DEFAULT, "seccomp", at)
    for container, at in containers(spec, path):
        own = (container.get("securityContext") or {}).get("seccompProfile")
        value = annotations.get(_SECCOMP + (container.get("name") or ""))
        if value is not None:
            errors += _agree(value, own, _RUNTIME_DEFAULT, "seccomp", child(at, "securityContext", "seccompProfile"))
    if (spec.get("os") or {}).get("name") == "windows":
        return errors
    for container, at in containers(spec, path):
        profile = (container.get("securityContext") or {}).get("appArmorProfile") or context.get("appArmorProfile")
        value = annotations.get(_APP_ARMOR + (container.get("name") or ""))
        if value is not None:
            errors += _agree(value, profile, _RUNTIME_DEFAULT[:1], "apparmor", child(at, "securityContext", "appArmorProfile"))
    return errors


def _agree(annotation: str, profile: Obj | None, defaults: tuple[str, ...], kind: str, path: str) -> Errors:
    if profile is None:
        return []
    type_ = profile.get("type")
    by_type = {"Unconfined": annotation == _UNCONFINED, "RuntimeDefault": annotation in defaults}
    if not by_type.get(type_ or "", annotation.startswith(_LOCALHOST) or type_ != "Localhost"):
        return [forbidden(child(path, "type"), f"{kind} type in annotation and field must match")]
    if type_ == "Localhost" and annotation.removeprefix(_LOCALHOST) != profile.get("localhostProfile"):
        return [forbidden(child(path, "localhostProfile"), f"{kind} profile in annotation and field must match")]
    return []
