"""Names and amounts of resources, as nodes, quotas, limit ranges and claims share them.

Source: pkg/apis/core/validation/validation.go ValidateResourceQuantityValue, validateResourceName; pkg/apis/core/helper.
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api import quantity
from wherry.api.field import Errors, invalid
from wherry.rules.objects.names import qualified_name
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE

_COUNTS = {"pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
           "services.nodeports", "services.loadbalancers"}
_COMPUTE = {f"{prefix}{name}" for prefix in ("", "requests.", "limits.") for name in ("cpu", "memory", "ephemeral-storage")}
_QUOTA = _COUNTS | _COMPUTE | {"requests.storage"}
_STANDARD = _QUOTA | {"storage"}
_HUGE, _REQUESTS_HUGE = "hugepages-", "requests.hugepages-"


def _quota_huge_page(name: str) -> bool:
    return name.startswith((_HUGE, _REQUESTS_HUGE))


def is_standard(name: str) -> bool:
    return name in _STANDARD or _quota_huge_page(name)


def is_quota_resource(name: str) -> bool:
    return name in _QUOTA or _quota_huge_page(name)


def is_native(name: str) -> bool:
    """In the kubernetes.io namespace, which names without a prefix are."""
    return "/" not in name or "kubernetes.io/" in name


@lru_cache(maxsize=1024)
def is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith("requests.") and not qualified_name(f"requests.{name}")


def is_integer(name: str) -> bool:
    return name in _COUNTS or is_extended(name)


def resource_name(name: str, path: str) -> Errors:
    """A standard resource, or one with a domain."""
    if errors := [invalid(path, name, m) for m in qualified_name(name)]:
        return errors
    if "/" not in name and not is_standard(name):
        return [invalid(path, name, "must be a standard resource type or fully qualified")]
    return []


def container_resource_name(name: str, path: str) -> Errors:
    """What a container may ask for."""
    errors = resource_name(name, path)
    if "/" not in name:
        if name not in ("cpu", "memory", "ephemeral-storage") and not name.startswith(_HUGE):
            errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return errors


def quota_resource_name(name: str, path: str) -> Errors:
    errors = resource_name(name, path)
    if "/" not in name and not is_quota_resource(name):
        errors.append(invalid(path, name, "must be a standard resource for quota"))
    return errors


def quantity_value(name: str, value: quantity.Text, path: str) -> Errors:
    """Not negative, and whole where the resource is counted."""
    nano = quantity.nano(value)
    text = str(value)
    errors: Errors = [invalid(path, text, NOT_NEGATIVE)] if nano < 0 else []
    if is_integer(name) and -(-nano // 10**6) % 1000:
        errors.append(invalid(path, text, "must be an integer"))
    return errors
