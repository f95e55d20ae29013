"""Whether a custom object fits its OpenAPI v3 schema, and in which words it does not.

Called by the strategy of a custom kind on every write. Compiled once per schema; turns a value into causes. On an update an error goes
unsaid where the value is what it was before (ratcheting): `old` is the value that corresponds, `APART` where none does.
Source: k8s.io/kube-openapi/pkg/validation/validate (order and texts), k8s.io/apiextensions-apiserver/pkg/apiserver/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from wherry.api import field
from wherry.api.errors import Cause
from wherry.rules.custom import scalars
from wherry.rules.custom.scalars import Fault, type_of

#: there is no old value to compare with
APART: Final[Any] = object()
_UNSAID = ("apiVersion", "kind")


class Result:
    """`faults`: what is wrong; `matches`: how much fits, by which the best of several failures is chosen."""

    __slots__ = ("faults", "matches")

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.matches = 0

    def merge(self, other: Result) -> None:
        self.faults += other.faults
        self.matches += other.matches


class Check:
    """One schema."""

    __slots__ = (
        "_additional", "_all_of", "_any_of", "_closed", "_enum", "_items", "_keys", "_lone", "_map_type", "_max_items", "_max_properties",
        "_min_items", "_min_properties", "_not", "_nullable", "_one_of", "_properties", "_required", "_scalar", "_types", "_unique",
    )  # fmt: skip

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._types = ("integer", "string") if schema.get("x-kubernetes-int-or-string") else tuple(filter(None, (schema.get("type"),)))
        self._nullable = bool(schema.get("nullable"))
        self._scalar = scalars.compiled(schema, self._types)
        self._enum: list[Any] = schema.get("enum") or []
        self._properties = {name: Check(sub) for name, sub in (schema.get("properties") or {}).items()}
        additional = schema.get("additionalProperties")
        self._additional = Check(additional) if isinstance(additional, dict) else None
        self._closed = additional is False
        self._required: list[str] = schema.get("required") or []
        items = schema.get("items")
        self._items = Check(items) if isinstance(items, dict) else None
        self._min_items, self._max_items = schema.get("minItems"), schema.get("maxItems")
        self._min_properties, self._max_properties = schema.get("minProperties"), schema.get("maxProperties")
        self._unique = bool(schema.get("uniqueItems"))
        self._any_of, self._one_of, self._all_of = ([Check(s) for s in schema.get(k) or ()] for k in ("anyOf", "oneOf", "allOf"))
        self._not = Check(schema["not"]) if schema.get("not") is not None else None
        self._lone = not (self._any_of or self._one_of or self._all_of or self._not)
        self._keys = tuple(schema.get("x-kubernetes-list-map-keys") or ()) if schema.get("x-kubernetes-list-type") == "map" else ()
        self._map_type: str = schema.get("x-kubernetes-map-type", "")

    def run(self, value: Any, path: str = "", old: Any = APART) -> Result:
        found = self._run(value, path, old)
        if found.faults and old is not APART and value == old:
            found.faults = []
        return found

    def _run(self, value: Any, path: str, old: Any) -> Result:
        found = Result()
        if value is None:
            if self._types and not self._nullable:
                found.faults.append(scalars.wrong_type(path, ",".join(self._types), "null"))
            self._check_enum(value, path, found)
            return found
        if self._types:
            if (fault := self._scalar.type_fault(value, path)) is not None:
                found.faults.append(fault)
            found.matches += 2
        if not self._lone:
            self._combine(value, path, found)
        found.matches += 2
        if isinstance(value, dict):
            self._check_enum(value, path, found)
            self._object(value, path, old, found)
        elif isinstance(value, list):
            self._list(value, path, old, found)
            self._check_enum(value, path, found)
        else:
            found.faults += self._scalar.faults(value, path)
            found.matches += 1
            self._check_enum(value, path, found)
        return found

    def _check_enum(self, value: Any, path: str, found: Result) -> None:
        if self._enum and not any(value == each and type_of(value) == type_of(each) for each in self._enum):
            found.faults.append(Fault(path, "enum", value, tuple(self._enum)))

    # --- objects and lists ---
    def _object(self, value: dict[str, Any], path: str, old: Any, found: Result) -> None:
        size = len(value)
        if self._min_properties is not None and size < self._min_properties:
            found.faults.append(Fault(path, f"should have at least {self._min_properties} properties", size))
            return
        if self._max_properties is not None and size > self._max_properties:
            found.faults.append(Fault(path, "too many", size, (self._max_properties,)))
            return
        follow = isinstance(old, dict) and self._map_type in ("", "granular")
        for name, item in value.items():
            below = self._properties.get(name)
            if below is None:
                if self._closed:
                    found.faults.append(Fault(path, "forbidden", name))
                    continue
                below = self._additional
                if below is None:
                    continue
            before = old.get(name, APART) if follow and not (not path and name in _UNSAID) else APART
            found.merge(below.run(item, f"{path}.{name}" if path else name, before))
        for name in self._required:
            if name not in value:
                found.faults.append(Fault(f"{path}.{name}" if path else name, "required"))
        found.matches += 1

    def _list(self, value: list[Any], path: str, old: Any, found: Result) -> None:
        if self._items is not None:
            before = self._correlate(old)
            for i, item in enumerate(value):
                found.merge(self._items.run(item, f"{path}[{i}]", before(item)))
        size = len(value)
        if self._min_items is not None and size < self._min_items:
            found.faults.append(Fault(path, f"should have at least {self._min_items} items", size))
        if self._max_items is not None and size > self._max_items:
            found.faults.append(Fault(path, "too many", size, (self._max_items,)))
        if self._unique and any(item in value[:i] for i, item in enumerate(value)):
            found.faults.append(Fault(path, "shouldn't contain duplicates", None))
        found.matches += 1

    def _correlate(self, old: Any) -> Callable[[Any], Any]:
        """What an item of the list was before: only items of lists that are maps can be told."""
        if not self._keys or not isinstance(old, list):
            return lambda item: APART
        known = {_key(item, self._keys): item for item in old if isinstance(item, dict)}
        return lambda item: known.get(_key(item, self._keys), APART) if isinstance(item, dict) else APART

    # --- schemas of schemas ---
    def _combine(self, value: Any, path: str, found: Result) -> None:
        if self._any_of:
            results = [each.run(value, path) for each in self._any_of]
            if all(r.faults for r in results):
                found.faults.append(Fault("", f'"{path}" must validate at least one schema (anyOf)', whole=True))
                found.merge(max(results, key=lambda r: r.matches))
        if self._one_of:
            self._check_one_of([each.run(value, path) for each in self._one_of], path, found)
        if self._all_of:
            results = [each.run(value, path) for each in self._all_of]
            for result in results:
                found.merge(result)
            if any(r.faults for r in results):
                none = "" if any(not r.faults for r in results) else ". None validated"
                found.faults.append(Fault("", f'"{path}" must validate all the schemas (allOf){none}', whole=True))
        if self._not is not None and not self._not.run(value, path).faults:
            found.faults.append(Fault("", f'"{path}" must not validate the schema (not)', whole=True))

    def _check_one_of(self, results: list[Result], path: str, found: Result) -> None:
        valid = sum(not r.faults for r in results)
        if valid == 1:
            return
        how = f"Found {valid} valid alternatives" if valid else "Found none valid"
        found.faults.append(Fault("", f'"{path}" must validate one and only one schema (oneOf). {how}', whole=True))
        if not valid:
            found.merge(max(results, key=lambda r: r.matches))


def _key(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(repr(item.get(k)) for k in keys)


def causes(faults: list[Fault], prefix: str = "") -> field.Errors:
    """The faults as the causes of a Status; `prefix`: where in the object the checked value is."""
    return [_cause(fault, prefix) for fault in faults]


def _cause(fault: Fault, prefix: str) -> Cause:
    at = field.child(prefix, fault.path) if fault.path else prefix or "<nil>"
    if fault.whole:
        return field.invalid(prefix or "<nil>", "", fault.what)
    match fault.what:
        case "required":
            return field.required(at)
        case "enum":
            return field.not_supported(at, fault.value, [v if isinstance(v, str) else field.show(v) for v in fault.limits])
        case "too long":
            return field.too_long(at, fault.limits[0])
        case "too many":
            return field.too_many(at, fault.value, fault.limits[0])
        case "type":
            return field.type_invalid(at, fault.value, fault.text(f'must be of type {fault.limits[0]}: "{fault.value}"'))
        case "forbidden":
            return field.invalid(at, "", f".{fault.value} in body is a forbidden property")
    return field.invalid(at, "" if fault.value is None else fault.value, fault.text(fault.what))
