"""Validation rules in CEL over custom objects."""

from __future__ import annotations

from typing import Any

from tests.rules.custom.widgets import custom, widget
from wherry.api.objects import Obj

MINMAX: Obj = {
    "type": "object",
    "properties": {
        "min": {"type": "integer"},
        "max": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self.startsWith('a')"}]}},
        "fixed": {
            "type": "string",
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is fixed", "reason": "FieldValueForbidden"}],
        },
        "once": {
            "type": "integer",
            "x-kubernetes-validations": [{"rule": "!oldSelf.hasValue() || self >= oldSelf.value()", "optionalOldSelf": True}],
        },
        "by": {
            "type": "object",
            "additionalProperties": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0"}]},
        },
        "text": {"type": "string", "minLength": 3},
    },
    "x-kubernetes-validations": [
        {
            "rule": "!has(self.min) || !has(self.max) || self.min <= self.max",
            "messageExpression": "'min %d is above max %d'.format([self.min, self.max])",
            "fieldPath": ".min",
        }
    ],
}


def _kind() -> Any:
    root = [{"rule": "self.metadata.name.size() < 10", "message": "the name is too long"}]
    return custom({"type": "object", "properties": {"spec": MINMAX}, "x-kubernetes-validations": root}, subresources={}).strategy


STRATEGY = _kind()


def new(**spec: Any) -> list[str]:
    return [f"{c.field}: {c.message}" for c in STRATEGY.validate(widget(spec=spec))]


def changed(old: Obj, spec: Obj) -> list[str]:
    return [f"{c.field}: {c.message}" for c in STRATEGY.validate_update(widget(spec=spec), widget(spec=old))]


def test_a_rule_says_where_and_what() -> None:
    assert new(min=3, max=2) == ["spec.min: Invalid value: min 3 is above max 2"]
    assert new(min=2, max=2) == []


def test_rules_reach_into_lists_and_maps() -> None:
    assert new(names=["a", "b"]) == ["spec.names[1]: Invalid value: \"b\": failed rule: self.startsWith('a')"]
    assert new(by={"x": 0}) == ["spec.by[x]: Invalid value: 0: failed rule: self > 0"]


def test_a_rule_of_the_root_sees_metadata() -> None:
    found = STRATEGY.validate(widget("a-very-long-name", {"min": 1}))
    assert [(c.field, c.message) for c in found] == [("<nil>", "Invalid value: the name is too long")]


def test_transition_rules_run_where_there_is_an_old_value() -> None:
    assert new(fixed="a") == []
    assert changed({"fixed": "a"}, {"fixed": "a"}) == []
    assert changed({"fixed": "a"}, {"fixed": "b"}) == ["spec.fixed: Forbidden: is fixed"]
    assert changed({}, {"fixed": "b"}) == []


def test_an_old_value_may_be_optional() -> None:
    assert new(once=1) == []
    assert changed({"once": 2}, {"once": 1}) == ["spec.once: Invalid value: 1: failed rule: !oldSelf.hasValue() || self >= oldSelf.value()"]


def test_what_broke_a_rule_before_may_stay() -> None:
    assert changed({"by": {"x": 0}}, {"by": {"x": 0, "y": 1}}) == []
    assert changed({"by": {"x": 0}}, {"by": {"x": 0, "y": 0}}) == ["spec.by[y]: Invalid value: 0: failed rule: self > 0"]


def test_rules_are_not_run_on_what_is_malformed() -> None:
    assert new(min="x", max=1) == [
        'spec.min: Invalid value: "string": spec.min in body must be of type integer: "string"',
        "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to "
        "complete validation",
    ]
    assert len(new(min=3, max=2, text="a")) == 2
