"""How objects of a custom kind are written: defaults, what a write leaves alone, and every check there is.

Made by `kind` once per version. The order of the checks and of their errors is the reference's.
Source: k8s.io/apiextensions-apiserver/pkg/registry/customresource (strategy.go, status_strategy.go, validator.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wherry.api.errors import Cause
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.custom import defaults, embedded, lists
from wherry.rules.custom.check import APART, Check, causes
from wherry.rules.objects.names import qualified_name
from wherry.rules.objects.strategy import Strategy, keep_status
from wherry.rules.texts.field_path import fields_of

if TYPE_CHECKING:
    from wherry.rules.custom.kind import CustomKind

#: errors after which the rules in CEL are not run: they may rest on what is wrong
_BLOCKING = frozenset(("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"))
_NOT_RUN = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
_STANDARD = ("orphan", "foregroundDeletion", "kubernetes")


def strategy_of(kind: CustomKind) -> Strategy:
    checks = _Checks(kind)
    return Strategy(
        default=lambda draft: defaults.fill(draft, kind.structural),
        prepare_create=_without_status if kind.has_status else _as_it_is,
        prepare_update=keep_status if kind.has_status else _as_it_was,
        prepare_status=_status_only,
        validate=checks.new,
        validate_update=checks.changed,
        validate_status=checks.status,
        warnings=_warnings,
        generation=True,
        raises_generation=_status_differs if not kind.has_status else _never,
        unconditional_update=False,
        metadata="plain",
        custom=True,
        fields=fields_of(kind.version.get("selectableFields") or ()),
    )


def _as_it_is(draft: Obj) -> None:
    """Nothing is reset."""


def _as_it_was(draft: Obj, old: Obj) -> None:
    """Nothing is kept."""


def _never(new: Obj, old: Obj) -> bool:
    return False


def _without_status(draft: Obj) -> None:
    draft.pop("status", None)


def _status_differs(new: Obj, old: Obj) -> bool:
    return bool(new.get("status") != old.get("status"))


def _status_only(draft: Obj, old: Obj) -> None:
    """Of a write of `/status` only the status is taken, and who owns what."""
    status, entries = draft.get("status"), draft["metadata"].get("managedFields")
    version = draft["metadata"].get("resourceVersion")
    draft.clear()
    draft.update(old)
    metadata = {k: v for k, v in old["metadata"].items() if k != "managedFields"}
    draft["metadata"] = metadata | ({"managedFields": entries} if entries else {}) | ({"resourceVersion": version} if version else {})
    draft.pop("status", None)
    if status is not None:
        draft["status"] = status


class _Checks:
    """All checks of a kind, compiled when they are first needed."""

    def __init__(self, kind: CustomKind) -> None:
        self._kind = kind
        self._whole: Check | None = None
        self._status: Check | None = None
        self._rules: Callable[[Obj, Obj | None], Errors] | None = None

    def _schema(self) -> Check:
        if self._whole is None:
            self._whole = Check(self._kind.schema)
        return self._whole

    def new(self, obj: Obj) -> Errors:
        found = causes(self._schema().run(obj).faults)
        if self._kind.scale is not None:
            found += self._kind.scale.errors(obj)
        found += embedded.errors(obj, self._kind.structural)
        found += lists.errors(obj, self._kind.structural)
        return self._with_rules(found, obj, None)

    def changed(self, obj: Obj, old: Obj) -> Errors:
        found = causes(self._schema().run(obj, "", old).faults)
        if self._kind.scale is not None:
            found += self._kind.scale.errors(obj)
        found += embedded.errors(obj, self._kind.structural)
        return self._with_rules(found + self._lists(obj, old), obj, old)

    def status(self, obj: Obj, old: Obj) -> Errors:
        found: Errors = []
        if "status" in obj:
            if self._status is None:
                self._status = Check((self._kind.schema.get("properties") or {}).get("status") or {})
            found += causes(self._status.run(obj["status"], "", old.get("status", APART)).faults, "status")
        if self._kind.scale is not None:
            found += self._kind.scale.errors(obj, with_spec=False)
        return self._with_rules(found + self._lists(obj, old), obj, old)

    def _lists(self, obj: Obj, old: Obj) -> Errors:
        """Lists that were wrong before may stay so."""
        found = lists.errors(obj, self._kind.structural)
        return [] if found and lists.errors(old, self._kind.structural) else found

    def _with_rules(self, found: Errors, obj: Obj, old: Obj | None) -> Errors:
        if not self._kind.structural.some_rule:
            return found
        if any(cause.reason in _BLOCKING for cause in found):
            return [*found, Cause("FieldValueInvalid", f"Invalid value: null: {_NOT_RUN}", "<nil>")]
        if self._rules is None:
            from wherry.rules.custom.rules import compiled

            self._rules = compiled(self._kind.structural)
        return found + self._rules(obj, old)


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    """Finalizers that may get into each other's way."""
    before: list[Any] = (old["metadata"].get("finalizers") or []) if old is not None else []
    added = sorted(set(new["metadata"].get("finalizers") or ()) - set(before))
    return [text for name in added for text in _finalizer(name)]


def _finalizer(name: str) -> list[str]:
    at = f'metadata.finalizers: "{name}": '
    found = [at + message for message in qualified_name(name)]
    if "/" not in name and name not in _STANDARD:
        how = " including a path (/)" if "." in name else ""
        found.append(f"{at}prefer a domain-qualified finalizer name{how} to avoid accidental conflicts with other finalizer writers")
    return found
