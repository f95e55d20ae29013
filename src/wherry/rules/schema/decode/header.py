"""Is the body of the kind that this path takes? apiVersion and kind, their defaults, and the reference's refusals.

Called by `body` before anything else is looked at. Turns a body's value into "yes" or a BadRequest.
Source: k8s.io/apimachinery/pkg/runtime/serializer/json (Decode, gvkWithDefaults), k8s.io/apiserver/pkg/endpoints/handlers
(create.go, rest.go transformDecodeError).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.api import schema_data
from wherry.api.errors import BadRequest
from wherry.rules.schema.decode.check import describe

_HEADER_TYPE = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
#: kinds of other groups that the reference converts to the same internal type: (group, kind) -> internal group
_MOVED = {
    ("extensions", "Deployment"): "apps",
    ("extensions", "DaemonSet"): "apps",
    ("extensions", "ReplicaSet"): "apps",
    ("extensions", "Scale"): "autoscaling",
    ("apps", "Scale"): "autoscaling",
    ("extensions", "Ingress"): "networking",
    ("extensions", "NetworkPolicy"): "networking",
    ("events.k8s.io", "Event"): "core",
}
_SCHEMES = {
    "apiextensions.k8s.io": "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "k8s.io/kube-aggregator/pkg/apiserver/scheme/scheme.go:28",
}
_META_SCHEME = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"
_SCHEME = "pkg/api/legacyscheme/scheme.go:30"


class Expected(NamedTuple):
    """What the path takes: the definition's name, apiVersion and kind."""

    schema: str
    api_version: str
    kind: str


def summary(content: bytes, length: int = 30) -> str:
    """The beginning of a body for messages: as text when it looks like an object, else in hexadecimal."""
    if not content:
        return "<empty>"
    start = content[:length]
    text = start.decode("utf-8", "replace") if content[:1] == b"{" else start.hex()
    return f"{text} ..." if len(content) > length else text


def unrecognized(expected: Expected, why: str, content: bytes) -> BadRequest:
    return BadRequest(f"the object provided is unrecognized (must be of type {expected.kind}): {why} ({summary(content)})")


def unhandled(kind: str, version: str, expected: Expected, why: str) -> BadRequest:
    return BadRequest(f'{kind} in version "{version}" cannot be handled as a {expected.kind}: {why}')


def json_fault(text: str) -> str:
    return f"couldn't get version/kind; json parse error: {text}"


def check(expected: Expected, value: Any, content: bytes, fault: str = "") -> None:
    """Raises BadRequest unless the body can be read and says, or leaves open, that it is what is expected."""
    if fault:
        raise unrecognized(expected, fault, content)
    if not isinstance(value, dict):
        if value is not None:
            raise unrecognized(
                expected, json_fault(f"json: cannot unmarshal {describe(value)} into Go value of type {_HEADER_TYPE}"), content
            )
        return
    if value.get("apiVersion") == expected.api_version and value.get("kind") == expected.kind:
        return
    api_version, kind = _read(expected, value, content)
    if api_version.count("/") > 1:
        raise unrecognized(expected, f"unexpected GroupVersion string: {api_version}", content)
    _compare(expected, *_with_defaults(expected, api_version, kind), content)


def options(value: Any) -> dict[str, Any]:
    """The fields of a body that must be DeleteOptions; any group version may call them so."""
    if not isinstance(value, dict):
        if value is None:
            return {}
        raise BadRequest(json_fault(f"json: cannot unmarshal {describe(value)} into Go value of type {_HEADER_TYPE}"))
    kind, api_version = value.get("kind") or "DeleteOptions", value.get("apiVersion") or "v1"
    if kind in ("CreateOptions", "UpdateOptions", "PatchOptions", "ListOptions", "GetOptions"):
        raise BadRequest("decoded object cannot be converted to DeleteOptions")
    if kind != "DeleteOptions":
        raise BadRequest(f'no kind "{kind}" is registered for version "{api_version}" in scheme "{_META_SCHEME}"')
    return {k: v for k, v in value.items() if k not in ("apiVersion", "kind")}


def _read(expected: Expected, value: dict[str, Any], content: bytes) -> tuple[str, str]:
    """apiVersion and kind; this early look, unlike the decoder, does not care for upper and lower case."""
    found = {"apiversion": "", "kind": ""}
    for key, item in value.items():
        folded = key.lower()
        if folded not in found or item is None:
            continue
        if not isinstance(item, str):
            name = "kind" if folded == "kind" else "apiVersion"
            text = f"json: cannot unmarshal {describe(item)} into Go struct field .{name} of type string"
            raise unrecognized(expected, json_fault(text), content)
        found[folded] = item
    return found["apiversion"], found["kind"]


def _with_defaults(expected: Expected, api_version: str, kind: str) -> tuple[str, str, str]:
    group, version = _split("" if api_version == "/" else api_version)
    expected_group, expected_version = _split(expected.api_version)
    if not version and not group:
        group, version = expected_group, expected_version
    elif not version and group == expected_group:
        version = expected_version
    return group, version, kind or expected.kind


def _split(api_version: str) -> tuple[str, str]:
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", group)


def _compare(expected: Expected, group: str, version: str, kind: str, content: bytes) -> None:
    api_version = f"{group}/{version}" if group else version
    if api_version == expected.api_version and kind == expected.kind:
        return
    if not version:
        raise unhandled(kind, version, expected, f"Object 'apiVersion' is missing in '{content.decode('utf-8', 'replace')}'")
    expected_group = _split(expected.api_version)[0]
    if (api_version, kind) not in schema_data.registered():
        scheme = _SCHEMES.get(expected_group, _SCHEME)
        raise unhandled(kind, version, expected, f'no kind "{kind}" is registered for version "{api_version}" in scheme "{scheme}"')
    internal = _internal(expected_group, expected.kind)
    if kind != expected.kind or _internal(group, kind) != internal:
        why = f"converting ({version}.{kind}) to ({internal}.{expected.kind}): unknown conversion"
        raise unhandled(kind, version, expected, why)
    message = f"the API version in the data ({api_version}) does not match the expected API version ({expected.api_version})"
    raise BadRequest(message)


def _internal(group: str, kind: str) -> str:
    """The package of the reference's internal type."""
    return _MOVED.get((group, kind)) or group.partition(".")[0] or "core"
