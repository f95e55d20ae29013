"""What pods for Windows may have and others may not, and the other way round.

Called by the rules of security contexts and of pod specs.
Source: pkg/apis/core/validation validateWindowsSecurityContextOptions, validateWindowsHostProcessPod, validateOS, validateLinux,
validateWindows.
"""

from __future__ import annotations

import re

from wherry.api.field import Errors, child, forbidden, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_subdomain, length
from wherry.rules.texts.go_structs.pod_shown import CONTAINERS, containers

_SYSTEMS = ("linux", "windows")
_GMSA_LIMIT = 64 * 1024
_has_control = re.compile(r"[\x00-\x1f\x7f]").search
_is_netbios = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}').fullmatch
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_is_domain = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_has_bad_character = re.compile(r'["/\\:;|=,+*?<>@\[\]]').search
_is_blank = re.compile(r"[. ]+").fullmatch
_NOT_ON_WINDOWS = "cannot be set for a windows pod"
#: fields of the pod that only Linux has, each with the object that holds it
_LINUX_FIELDS = (
    ("securityContext", "appArmorProfile"), ("securityContext", "seLinuxOptions"), ("", "hostUsers"), ("", "hostPID"), ("", "hostIPC"),
    ("securityContext", "seccompProfile"), ("securityContext", "fsGroup"), ("securityContext", "fsGroupChangePolicy"),
    ("securityContext", "sysctls"), ("", "shareProcessNamespace"), ("securityContext", "runAsUser"), ("securityContext", "runAsGroup"),
    ("securityContext", "supplementalGroups"), ("securityContext", "supplementalGroupsPolicy"),
    ("securityContext", "seLinuxChangePolicy"),
)  # fmt: skip
#: of these an empty or false one is as good as none
_WHEN_TRUE = ("hostPID", "hostIPC", "sysctls")
_LINUX_CONTEXT = ("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
                  "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup")  # fmt: skip


def windows_options(options: Obj, path: str) -> Errors:
    errors: Errors = []
    name, credentials, user = (options.get(k) for k in ("gmsaCredentialSpecName", "gmsaCredentialSpec", "runAsUserName"))
    if name is not None:
        errors += [invalid(child(path, "gmsaCredentialSpecName"), name, m) for m in dns1123_subdomain(name)]
    if credentials is not None:
        at = child(path, "gmsaCredentialSpec")
        if not credentials:
            errors.append(invalid(at, credentials, "gmsaCredentialSpec cannot be an empty string"))
        elif length(credentials) > _GMSA_LIMIT:
            errors.append(invalid(at, credentials, "gmsaCredentialSpec size must be under 64 KiB"))
    if user is not None:
        errors += [invalid(child(path, "runAsUserName"), user, f"runAsUserName{m}") for m in _user_name(user)]
    return errors


def _user_name(value: str) -> list[str]:
    """What is wrong with `user` or `domain\\user`."""
    if not value:
        return [" cannot be an empty string"]
    if _has_control(value):
        return [" cannot contain control characters"]
    if value.count("\\") > 1:
        return [" cannot contain more than one backslash"]
    domain, found, user = value.rpartition("\\")
    errors: list[str] = []
    if length(domain) >= 256:
        errors.append("'s Domain length must be under 256 characters")
    if found and not _is_netbios(domain) and not _is_domain(domain):
        errors.append("'s Domain doesn't match the NetBios nor the DNS format")
    if not user:
        errors.append("'s User cannot be empty")
    elif length(user) > 104:
        errors.append("'s User length must not be longer than 104 characters")
    if _is_blank(user):
        errors.append("'s User cannot contain only periods or spaces")
    if _has_bad_character(user):
        errors.append("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return errors


def _host_process(context: Obj | None) -> bool | None:
    options = context.get("windowsOptions") if context else None
    return options.get("hostProcess") if options else None


def host_processes(spec: Obj, path: str) -> Errors:
    """Containers that are processes of a Windows host: all of a pod or none, and with the host's network."""
    of_pod = _host_process(spec.get("securityContext"))
    if of_pod is None and not any(_host_process(c.get("securityContext")) for k in CONTAINERS for c in spec.get(k) or ()):
        return []
    errors: Errors = []
    found: list[bool] = []
    for container, at in containers(spec, path):
        own = _host_process(container.get("securityContext"))
        if of_pod is not None and own is not None and of_pod != own:
            text = f"pod hostProcess value must be identical if both are specified, was {'true' if of_pod else 'false'}"
            errors.append(invalid(child(at, "securityContext", "windowsOptions", "hostProcess"), own, text))
        found.append(bool(of_pod if own is None else own))
    if not any(found):
        return errors
    if not all(found):
        errors.append(invalid(path, "", "If pod contains any hostProcess containers then all containers must be HostProcess containers"))
    if not spec.get("hostNetwork"):
        text = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid(child(path, "hostNetwork"), False, text))
    return errors


def operating_system(spec: Obj, path: str) -> Errors:
    """`spec.os` and what fits that system. `path` is that of the spec."""
    name = spec["os"].get("name") or ""
    if not name:
        return [required(child(path, "os", "name"))]
    if name not in _SYSTEMS:
        return [not_supported(child(path, "os"), name, _SYSTEMS)]
    return _linux(spec, path) if name == "linux" else _windows(spec, path)


def _linux(spec: Obj, path: str) -> Errors:
    return [
        forbidden(child(at, "securityContext", "windowsOptions"), "windows options cannot be set for a linux pod")
        for holder, at in ((spec, path), *containers(spec, path))
        if (holder.get("securityContext") or {}).get("windowsOptions") is not None
    ]


def _windows(spec: Obj, path: str) -> Errors:
    errors: Errors = []
    for where, name in _LINUX_FIELDS:
        value = ((spec.get(where) or {}) if where else spec).get(name)
        if value is not None and (value or name not in _WHEN_TRUE):
            errors.append(forbidden(child(path, where, name) if where else child(path, name), _NOT_ON_WINDOWS))
    for container, at in containers(spec, path):
        context = container.get("securityContext") or {}
        errors += [forbidden(child(at, "securityContext", n), _NOT_ON_WINDOWS) for n in _LINUX_CONTEXT if context.get(n) is not None]
    return errors
