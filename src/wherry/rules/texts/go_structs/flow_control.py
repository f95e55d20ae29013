"""How messages show the specs of flow control: with the names and the order of the reference's own types.

Called by the rules of FlowSchemas and PriorityLevelConfigurations, only for a spec that is refused.
Source: k8s.io/apimachinery/pkg/util/validation/field Error.ErrorBody, pkg/apis/flowcontrol/types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.texts.go_values import in_given_order

_RESOURCES = {"Verbs": None, "APIGroups": None, "Resources": None, "ClusterScope": False, "Namespaces": None}
_URLS = {"Verbs": None, "NonResourceURLs": None}
_SUBJECTS = {"User": {"Name": ""}, "Group": {"Name": ""}, "ServiceAccount": {"Namespace": "", "Name": ""}}
_QUEUES = {"Queues": 0, "HandSize": 0, "QueueLengthLimit": 0}


def schema_spec(spec: Obj) -> str:
    method, rules = spec.get("distinguisherMethod"), spec.get("rules")
    return in_given_order(
        {
            "PriorityLevelConfiguration": _members(spec.get("priorityLevelConfiguration") or {}, {"Name": ""}),
            "MatchingPrecedence": spec.get("matchingPrecedence", 0),
            "DistinguisherMethod": None if method is None else _members(method, {"Type": ""}),
            "Rules": None if rules is None else [_rule(rule) for rule in rules],
        }
    )


def level_spec(spec: Obj) -> str:
    limited, exempt = spec.get("limited"), spec.get("exempt")
    shares = {"NominalConcurrencyShares": None, "LendablePercent": None}
    return in_given_order(
        {
            "Type": spec.get("type", ""),
            "Limited": None if limited is None else _limited(limited),
            "Exempt": None if exempt is None else _members(exempt, shares),
        }
    )


def _limited(limited: Obj) -> Obj:
    response = limited.get("limitResponse") or {}
    queuing = response.get("queuing")
    return {
        "NominalConcurrencyShares": limited.get("nominalConcurrencyShares", 0),
        "LimitResponse": {"Type": response.get("type", ""), "Queuing": None if queuing is None else _members(queuing, _QUEUES)},
        "LendablePercent": limited.get("lendablePercent"),
        "BorrowingLimitPercent": limited.get("borrowingLimitPercent"),
    }


def _rule(rule: Obj) -> Obj:
    subjects, resources, urls = (rule.get(name) for name in ("subjects", "resourceRules", "nonResourceRules"))
    return {
        "Subjects": None if subjects is None else [_subject(s) for s in subjects],
        "ResourceRules": None if resources is None else [_members(r, _RESOURCES) for r in resources],
        "NonResourceRules": None if urls is None else [_members(r, _URLS) for r in urls],
    }


def _subject(subject: Obj) -> Obj:
    named = {kind: subject.get(kind[0].lower() + kind[1:]) for kind in _SUBJECTS}
    return {"Kind": subject.get("kind", ""), **{k: None if v is None else _members(v, _SUBJECTS[k]) for k, v in named.items()}}


def _members(value: Obj, absent: Mapping[str, Any]) -> Obj:
    """`absent`: the members of the type, and what each is when it is not given."""
    by_case = {name.lower(): held for name, held in value.items()}
    return {name: by_case.get(name.lower(), default) for name, default in absent.items()}
