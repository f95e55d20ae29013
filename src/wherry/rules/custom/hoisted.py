"""A definition's versions as the reference sees them: what all versions say alike is said once, above them.

Called by the validation of definitions. Its paths in errors are those of the reference's own type, in which a schema that is the same in
every version stands at `spec.validation`, and the subresources, columns and selectable fields beside it.
Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/conversion.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.texts.go_values import in_given_order

_ALIKE = ("subresources", "schema", "additionalPrinterColumns", "selectableFields")
#: members of the reference's type of a schema, in its order, by their names in JSON; `name=value`: what stands there when absent
_SCHEMA = (
    'ID="":id Schema="":$schema Ref:$ref Description="" Type="" Nullable=false Format="" Title="" Default Maximum ExclusiveMaximum=false '
    'Minimum ExclusiveMinimum=false MaxLength MinLength Pattern="" MaxItems MinItems UniqueItems=false MultipleOf Enum MaxProperties '
    "MinProperties Required Items AllOf OneOf AnyOf Not Properties AdditionalProperties PatternProperties Dependencies AdditionalItems "
    "Definitions ExternalDocs Example XPreserveUnknownFields:x-kubernetes-preserve-unknown-fields "
    "XEmbeddedResource=false:x-kubernetes-embedded-resource XIntOrString=false:x-kubernetes-int-or-string "
    "XListMapKeys:x-kubernetes-list-map-keys XListType:x-kubernetes-list-type XMapType:x-kubernetes-map-type "
    "XValidations:x-kubernetes-validations"
)
_ABSENT = {"": None, '""': "", "false": False}


def hoist(versions: Sequence[Obj]) -> tuple[Obj, list[Obj]]:
    """What stands above the versions, and the versions without it."""
    if not versions:
        return {}, []
    first = versions[0]
    alike = [name for name in _ALIKE if all((v.get(name) or None) == (first.get(name) or None) for v in versions)]
    above = {name: first[name] for name in alike if first.get(name) is not None}
    return above, [{name: value for name, value in v.items() if name not in alike} for v in versions]


def shown(versions: Sequence[Obj]) -> str:
    """Versions as messages show them."""
    return in_given_order([_version(each) for each in hoist(versions)[1]] or None)


def _version(version: Obj) -> Obj:
    schema = version.get("schema")
    columns, fields = version.get("additionalPrinterColumns"), version.get("selectableFields")
    return {
        "Name": version.get("name", ""),
        "Served": version.get("served", False),
        "Storage": version.get("storage", False),
        "Deprecated": version.get("deprecated", False),
        "DeprecationWarning": version.get("deprecationWarning"),
        "Schema": None if schema is None else {"OpenAPIV3Schema": _schema(schema.get("openAPIV3Schema"))},
        "Subresources": _subresources(version.get("subresources")),
        "AdditionalPrinterColumns": None if columns is None else [_column(c) for c in columns],
        "SelectableFields": None if fields is None else [{"JSONPath": f.get("jsonPath", "")} for f in fields],
    }


def _subresources(given: Obj | None) -> Obj | None:
    if given is None:
        return None
    scale = given.get("scale")
    paths = ("SpecReplicasPath", "StatusReplicasPath")
    held = None if scale is None else {p: scale.get(p[0].lower() + p[1:], "") for p in paths}
    if held is not None and scale is not None:
        held["LabelSelectorPath"] = scale.get("labelSelectorPath")
    return {"Status": given.get("status"), "Scale": held}


def _column(column: Obj) -> Obj:
    texts = {name: column.get(name.lower(), "") for name in ("Name", "Type", "Format", "Description")}
    return {**texts, "Priority": column.get("priority", 0), "JSONPath": column.get("jsonPath", "")}


def _schema(schema: Obj | None) -> Obj | None:
    if schema is None:
        return None
    out: Obj = {}
    for cell in _SCHEMA.split():
        left, _, name = cell.partition(":")
        internal, _, absent = left.partition("=")
        name = name or internal[0].lower() + internal[1:]
        value = schema.get(name)
        out[internal] = _ABSENT[absent] if value is None else _PARTS.get(name, _itself)(value)
    return out


def _itself(value: Any) -> Any:
    return value


def _map(value: Obj) -> Any:
    return {name: _schema(value[name]) for name in sorted(value)}


def _list(value: Sequence[Obj]) -> Any:
    return [_schema(each) for each in value]


def _or_list(value: Any) -> Any:
    alone = isinstance(value, dict)
    return {"Schema": _schema(value) if alone else None, "JSONSchemas": None if alone else _list(value)}


def _or_bool(value: Any) -> Any:
    return {"Allows": value if isinstance(value, bool) else True, "Schema": None if isinstance(value, bool) else _schema(value)}


def _rules(value: Sequence[Obj]) -> Any:
    texts = ("Rule", "Message", "MessageExpression")
    return [
        {
            **{name: each.get(name[0].lower() + name[1:], "") for name in texts},
            "Reason": each.get("reason"),
            "FieldPath": each.get("fieldPath", ""),
            "OptionalOldSelf": each.get("optionalOldSelf"),
        }
        for each in value
    ]


def _docs(value: Obj) -> Any:
    return {"Description": value.get("description", ""), "URL": value.get("url", "")}


_PARTS: dict[str, Callable[[Any], Any]] = {
    "items": _or_list,
    "allOf": _list,
    "oneOf": _list,
    "anyOf": _list,
    "not": _schema,
    "properties": _map,
    "patternProperties": _map,
    "definitions": _map,
    "additionalProperties": _or_bool,
    "additionalItems": _or_bool,
    "externalDocs": _docs,
    "x-kubernetes-validations": _rules,
}
