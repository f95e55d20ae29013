"""From what a client sent to a private draft in the stored version: decoded, checked, converted, defaulted."""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.options import Target, WriteOptions
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.results import Body, RawBody
from wherry.registry.versions import trusted_writes
from wherry.rules.custom import decode as custom_decode
from wherry.rules.custom import kind as custom_kinds
from wherry.rules.kinds.conversion import convert
from wherry.rules.schema import decode


def draft(core: Core, resource: Resource, body: Body, options: WriteOptions) -> tuple[Obj, list[str]]:
    """(draft in the stored version, warnings). Raises BadRequest. A trusted object is only copied at its top."""
    if options.trusted and not isinstance(body, RawBody):
        if core.test_mode:
            trusted_writes.must_equal(core, body, to_storage(core, resource, trusted_writes.decoded(core, resource, body)), options.manager)
        return {**body, "metadata": dict(body["metadata"])}, []
    # an object at hand stays its owner's: what follows fills in defaults in place
    parsed = decode.parse(*body) if isinstance(body, RawBody) else decode.Parsed(msgspec.json.decode(msgspec.json.encode(body)))
    decoded = decoded_as(resource, parsed, options.field_validation)
    return to_storage(core, resource, decoded.obj), decoded.warnings


def decoded(form: Resource, body: Body, field_validation: str) -> tuple[Obj, list[str]]:
    """(what was sent as `form`, private, with metadata; warnings). Raises BadRequest."""
    found = decoded_as(form, decode.parse(*body) if isinstance(body, RawBody) else body, field_validation)
    found.obj.setdefault("metadata", {})
    return found.obj, found.warnings


def given(body: object) -> Any:
    """A whole object as it was sent, before anything was left out or filled in; None for what is none (patches)."""
    if isinstance(body, RawBody):
        return decode.parse(*body).value
    return body.value if isinstance(body, decode.Parsed) else body if isinstance(body, dict) else None


def decoded_as(resource: Resource, body: decode.Parsed | Obj, field_validation: str) -> decode.Decoded:
    """A body for a path of the resource, custom or built in. Raises BadRequest."""
    custom = custom_kinds.of(resource)
    if custom is None:
        return decode.decode(resource, body, field_validation)
    return custom_decode.decode(resource, custom.structural, body, field_validation)


def to_storage(core: Core, resource: Resource, obj: Obj) -> Obj:
    """The object in the version it is stored in, with defaults filled in. `obj` is private and may be changed."""
    storage = core.table.storage(resource)
    if storage is not resource:
        obj = convert(obj, resource, storage)
    obj.setdefault("metadata", {})
    core.strategy(storage).default(obj)
    return obj


def check_name(obj: Obj, target: Target) -> None:
    """The object must be what the path says. Fills in the namespace. Raises BadRequest."""
    check_namespace(obj, target)
    if not target.name:
        return
    name = obj["metadata"].get("name", "")
    if not name:
        raise BadRequest(f"the name of the object ({target.name} based on URL) was undeterminable: name must be provided")
    if name != target.name:
        raise BadRequest(f"the name of the object ({name}) does not match the name on the URL ({target.name})")


def check_namespace(obj: Obj, target: Target) -> None:
    meta = obj["metadata"]
    if not target.resource.namespaced:
        meta.pop("namespace", None)
    elif meta.setdefault("namespace", target.namespace) != target.namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
