"""Probes and lifecycle hooks of a container: one handler each, and times that are not negative.

Called by the rules of containers. Stop signals are not looked at: their feature gate is off, and preparation drops them.
Source: pkg/apis/core/validation validateProbe, validateHandler, validateLifecycle; KEP-3960 (sleep).
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import http_header_name
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE
from wherry.rules.schema.validation.ports import port_number_or_name

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
_TIMES = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SCHEMES = ("HTTP", "HTTPS")
_ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"


def run_errors(container: Obj, grace: int | None, path: str) -> Errors:
    """Hooks and probes of a container that runs as long as the pod does. `grace`: the pod's termination grace period."""
    errors: Errors = []
    lifecycle = container.get("lifecycle")
    if lifecycle is not None:
        for name in ("postStart", "preStop"):
            hook = lifecycle.get(name)
            if hook is not None:
                errors += _handler(hook, _HOOKS, grace, f"{path}.lifecycle.{name}")
    for name in _PROBES:
        probe = container.get(name)
        if probe is not None:
            errors += _probe(probe, name, f"{path}.{name}")
    return errors


def none_of_these(container: Obj, path: str) -> Errors:
    """An init container that ends has no hooks and no probes."""
    return [forbidden(child(path, n), _ONLY_SIDECARS) for n in ("lifecycle", *_PROBES) if container.get(n) is not None]


def _probe(probe: Obj, name: str, path: str) -> Errors:
    errors = _handler(probe, _HANDLERS, None, path)
    for time in _TIMES:
        value = probe.get(time)
        if value is not None and value < 0:
            errors.append(invalid(child(path, time), value, NOT_NEGATIVE))
    grace, at = probe.get("terminationGracePeriodSeconds"), "terminationGracePeriodSeconds"
    if grace is not None and grace <= 0:
        errors.append(invalid(child(path, at), grace, "must be greater than 0"))
    if name == "readinessProbe":
        if grace is not None:
            errors.append(invalid(child(path, at), grace, "must not be set for readinessProbes"))
    elif (successes := probe.get("successThreshold") or 0) != 1:
        errors.append(invalid(child(path, "successThreshold"), successes, "must be 1"))
    return errors


def _handler(handler: Obj, kinds: tuple[str, ...], grace: int | None, path: str) -> Errors:
    found = [k for k in kinds if handler.get(k) is not None]
    if not found:
        return [required(path, "must specify a handler type")]
    first = found[0]
    errors = _action(first, handler[first], grace, f"{path}.{first}")
    return errors + [forbidden(child(path, k), "may not specify more than 1 handler type") for k in found[1:]]


def _action(kind: str, action: Obj, grace: int | None, path: str) -> Errors:
    match kind:
        case "exec":
            return [] if action.get("command") else [required(child(path, "command"))]
        case "httpGet":
            return _http_get(action, path)
        case "sleep":
            return _sleep(action.get("seconds") or 0, grace, path)
        case _:
            return _port(action, path)


def _port(action: Obj, path: str) -> Errors:
    port = action.get("port")
    return [] if type(port) is int and 1 <= port <= 65535 else port_number_or_name(0 if port is None else port, child(path, "port"))


def _http_get(action: Obj, path: str) -> Errors:
    errors: Errors = [] if action.get("path") else [required(child(path, "path"))]
    errors += _port(action, path)
    scheme = action.get("scheme") or ""
    if scheme not in _SCHEMES:
        errors.append(not_supported(child(path, "scheme"), scheme, _SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name") or ""
        errors += [invalid(child(path, "httpHeaders"), name, m) for m in http_header_name(name)]
    return errors


def _sleep(seconds: int, grace: int | None, path: str) -> Errors:
    if grace is None or 0 <= seconds <= grace:
        return []
    return [invalid(path, seconds, f"must be non-negative and less than terminationGracePeriodSeconds ({grace})")]
