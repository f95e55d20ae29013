"""Security contexts of pods and containers: users, profiles, kernel parameters.

Called by the rules of pod specs and of containers. Privileged containers are allowed, as every usual cluster sets it up
(`kube-apiserver --allow-privileged`).
Source: pkg/apis/core/validation ValidateSecurityContext, validatePodSpecSecurityContext, validateSeccompProfileField,
ValidateAppArmorProfileField, validateSysctls, validateHostUsers; KEP-127 (user namespaces).
"""

from __future__ import annotations

import re

from wherry.api.field import Errors, child, duplicate, forbidden, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import in_range, length
from wherry.rules.schema.validation.pods.paths import descending
from wherry.rules.schema.validation.pods.windows import windows_options
from wherry.rules.texts.go_structs.pod_shown import containers, invalid_context, invalid_profile

_MAX_ID = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_PROC_MOUNTS = ("Default", "Unmasked")
_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"^({_SEGMENT}[\./])*{_SEGMENT}$"
_is_sysctl = re.compile(_SYSCTL[1:-1]).fullmatch
_SYSCTL_TEXT = f"must have at most 253 characters and match regex {_SYSCTL}"
#: kernel parameters that belong to the IPC namespace
_IPC = {"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.shm", "kernel.msgmax",
        "kernel.msgmnb", "kernel.msgmni", "kernel.msg"}  # fmt: skip
_SWAP = str.maketrans("./", "/.")
#: fields with one of a few values -> what they are
_CHOICES = (("fsGroupChangePolicy", ("Always", "OnRootMismatch")),)
_LATER_CHOICES = (("supplementalGroupsPolicy", ("Merge", "Strict")), ("seLinuxChangePolicy", ("Recursive",)))


def _ids(context: Obj, names: tuple[str, ...], path: str) -> Errors:
    values = [(n, context[n]) for n in names if context.get(n) is not None]
    return [invalid(child(path, n), v, in_range(0, _MAX_ID)) for n, v in values if not 0 <= v <= _MAX_ID]


def container_context(context: Obj, host_users: bool, path: str) -> Errors:
    """`host_users`: the pod's users are those of the host."""
    errors = _ids(context, ("runAsUser", "runAsGroup"), path)
    mount = context.get("procMount")
    if mount is not None:
        errors += _proc_mount(mount, host_users, child(path, "procMount"))
    errors += _profile(context, "seccompProfile", path)
    if context.get("allowPrivilegeEscalation") is False:
        errors += _no_escalation(context, path)
    return errors + _profile(context, "windowsOptions", path) + _profile(context, "appArmorProfile", path)


def _proc_mount(mount: str, host_users: bool, path: str) -> Errors:
    errors: Errors = [] if mount in _PROC_MOUNTS else [not_supported(path, mount, _PROC_MOUNTS)]
    if host_users and mount == "Unmasked":
        errors.append(invalid(path, mount, "`hostUsers` must be false to use `Unmasked`"))
    return errors


def _profile(context: Obj, name: str, path: str) -> Errors:
    """One of the objects that contexts of pods and of containers both may have."""
    value = context.get(name)
    return [] if value is None else _RULES[name](value, child(path, name))


def _no_escalation(context: Obj, path: str) -> Errors:
    errors: Errors = []
    start = "cannot set `allowPrivilegeEscalation` to false and"
    if context.get("privileged"):
        errors.append(invalid_context(path, context, f"{start} `privileged` to true"))
    for name in (context.get("capabilities") or {}).get("add") or ():
        if name == "CAP_SYS_ADMIN":
            errors.append(invalid_context(path, context, f"{start} `capabilities.Add` CAP_SYS_ADMIN"))
    return errors


def pod_context(spec: Obj, path: str) -> Errors:
    """`path` is that of the security context; the host's namespaces are fields of the spec."""
    context = spec.get("securityContext") or {}
    errors: Errors = []
    if context:
        errors += _ids(context, ("fsGroup", "runAsUser", "runAsGroup"), path)
        groups = enumerate(context.get("supplementalGroups") or ())
        errors += [invalid(f"{path}.supplementalGroups[{i}]", g, in_range(0, _MAX_ID)) for i, g in groups if not 0 <= g <= _MAX_ID]
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        at = child(path, "shareProcessNamespace")
        errors.append(invalid(at, True, "ShareProcessNamespace and HostPID cannot both be enabled"))
    if not context:
        return errors
    errors += _sysctls(context.get("sysctls") or [], spec, child(path, "sysctls")) + _chosen(context, _CHOICES, path)
    for name in _RULES:
        errors += _profile(context, name, path)
    return errors + _chosen(context, _LATER_CHOICES, path)


def _chosen(context: Obj, choices: tuple[tuple[str, tuple[str, ...]], ...], path: str) -> Errors:
    return [
        not_supported(child(path, name), context[name], supported)
        for name, supported in choices
        if context.get(name) is not None and context[name] not in supported
    ]


def _sysctls(entries: list[Obj], spec: Obj, path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, entry in enumerate(entries):
        name, at = entry.get("name") or "", f"{path}[{i}].name"
        if not name:
            errors.append(required(at))
        elif length(name) > 253 or not _is_sysctl(name):
            errors.append(invalid(at, name, _SYSCTL_TEXT))
        elif name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
        namespace = _namespace(name)
        if namespace and spec.get(namespace):
            errors.append(invalid(at, name, f"may not be specified when '{namespace}' is true"))
    return errors


def _namespace(sysctl: str) -> str:
    """The field that gives the pod the host's namespace of this kernel parameter, or "". Dots and slashes may be swapped."""
    name = sysctl
    if (first := re.search(r"[./]", name)) and first.group() == "/":
        name = name.translate(_SWAP)
    name = name.partition("*")[0]
    if name in _IPC or name.startswith("fs.mqueue."):
        return "hostIPC"
    return "hostNetwork" if name.startswith("net.") else ""


def _seccomp(profile: Obj, path: str) -> Errors:
    type_, file = profile.get("type") or "", profile.get("localhostProfile")
    errors: Errors = []
    if not type_:
        errors.append(required(child(path, "type"), "type is required when seccompProfile is set"))
    elif type_ not in _PROFILES:
        errors.append(not_supported(child(path, "type"), type_, _PROFILES))
    at = child(path, "localhostProfile")
    if type_ != "Localhost":
        return [*errors, invalid_profile(at, profile, "can only be set when seccomp type is Localhost")] if file is not None else errors
    return errors + ([required(at, "must be set when seccomp type is Localhost")] if file is None else descending(file, at))


def _app_armor(profile: Obj, path: str) -> Errors:
    type_, file, at = profile.get("type") or "", profile.get("localhostProfile"), child(path, "localhostProfile")
    if not type_:
        return [required(child(path, "type"), "type is required when appArmorProfile is set")]
    if type_ not in _PROFILES:
        return [not_supported(child(path, "type"), type_, _PROFILES)]
    if type_ != "Localhost":
        return [invalid(at, file, "can only be set when AppArmor type is Localhost")] if file is not None else []
    errors: Errors = []
    if not file:
        errors.append(required(at, "must be set when AppArmor type is Localhost"))
    elif file != file.strip():
        errors.append(invalid(at, file, "must not be padded with whitespace"))
    return [*errors, too_long(at, 4095)] if file and length(file) > 4095 else errors


_RULES = {"seccompProfile": _seccomp, "windowsOptions": windows_options, "appArmorProfile": _app_armor}


def own_users(spec: Obj, path: str) -> Errors:
    """A pod with users of its own shares no other namespace with the host, and has no raw devices."""
    text = "when `hostUsers` is false"
    fields = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    errors: Errors = [forbidden(child(path, shown), text) for name, shown in fields if spec.get(name)]
    return errors + [forbidden(child(at, "volumeDevices"), text) for c, at in containers(spec, path) if c.get("volumeDevices")]
