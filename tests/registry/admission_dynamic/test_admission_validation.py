"""What webhook configurations, policies and bindings must be like."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.kinds.admission import STRATEGIES

Body = dict[str, Any]
RULE: Body = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def faults(kind: str, obj: Body) -> list[str]:
    strategy = STRATEGIES[f"{kind}.admissionregistration.k8s.io"]
    draft = {"metadata": {"name": "x"}, **obj}
    strategy.default(draft)
    return [f"{cause.field}: {cause.message}" for cause in strategy.validate(draft)]


def hook(**fields: Any) -> Body:
    return {
        "name": "a.b.c", "clientConfig": {"url": "https://a"}, "rules": [RULE], "sideEffects": "None", "admissionReviewVersions": ["v1"],
        **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"clientConfig": {"url": "http://u@h/p?q#f"}}, [
            'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
            'webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL',
            'webhooks[0].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
            'webhooks[0].clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL',
        ]),
        ({"clientConfig": {"service": {"name": "s", "namespace": "n", "path": "x//Y", "port": 0}}}, [
            'webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
            'webhooks[0].clientConfig.service.path: Invalid value: "x//Y": must start with a \'/\'',
        ]),
        ({"rules": [{**RULE, "resources": ["pods/*", "pods/status", "*", "nodes"]}]}, [
            'webhooks[0].rules[0].resources[1]: Invalid value: "pods/status": if \'pods/*\' is present, must not specify pods/status',
            'webhooks[0].rules[0].resources: Invalid value: ["pods/*","pods/status","*","nodes"]: '
            "if '*' is present, must not specify other resources without subresources",
        ]),
        ({"matchConditions": [{"name": "x y", "expression": "object.a"}, {"name": "n", "expression": " "}]}, [
            'webhooks[0].matchConditions[0].expression: Invalid value: "object.a": must evaluate to bool but got dyn',
            "webhooks[0].matchConditions[1].expression: Required value",
        ]),
        ({"admissionReviewVersions": ["V2"]}, [
            'webhooks[0].admissionReviewVersions: Invalid value: ["V2"]: must include at least one of v1, v1beta1',
        ]),
    ],
)  # fmt: skip
def test_webhooks(fields: Body, expected: list[str]) -> None:
    found = faults("ValidatingWebhookConfiguration", {"webhooks": [hook(**fields)]})
    assert [line for line in expected if line not in found] == []
    assert bool(found) is bool(expected)


def policy(**spec: Any) -> Body:
    return {"spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}], **spec}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"validations": [{"expression": "object.x == nope"}]}, [
            'spec.validations[0].expression: Invalid value: "object.x == nope": compilation failed: ERROR: <input>:1:13: '
            "undeclared reference to 'nope' (in container '')\n | object.x == nope\n | ............^",
        ]),
        ({"validations": [{"expression": "request.nope == 1"}]}, [
            'spec.validations[0].expression: Invalid value: "request.nope == 1": compilation failed: ERROR: <input>:1:8: '
            "undefined field 'nope'\n | request.nope == 1\n | .......^",
        ]),
        ({"validations": [{"expression": "params.x == 1", "reason": "Nope", "message": "a\nb"}]}, [
            'spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks',
            'spec.validations[0].reason: Unsupported value: "Nope": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
        ]),
        ({"validations": []}, [
            "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
            "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item",
        ]),
        ({"variables": [{"name": "in", "expression": "1"}, {"name": "a", "expression": "variables.b"}]}, [
            'spec.variables[0].name: Invalid value: "in": must be a valid CEL identifier',
            'spec.variables[1].expression: Invalid value: "variables.b": compilation failed: ERROR: <input>:1:10: '
            "undefined field 'b'\n | variables.b\n | .........^",
        ]),
        ({"auditAnnotations": [{"key": "k", "valueExpression": "1"}]}, [
            'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type] but got int',
        ]),
        ({"paramKind": {"apiVersion": "a/b/c", "kind": "9"}}, [
            'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
        ]),
        ({"matchConstraints": {"resourceRules": [{**RULE, "resourceNames": ["a", "a", "b/c"]}]}}, [
            'spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"',
            'spec.matchConstraints.resourceRules[0].resourceNames[2]: Invalid value: "b/c": may not contain \'/\'',
        ]),
    ],
)  # fmt: skip
def test_validating_policies(spec: Body, expected: list[str]) -> None:
    found = faults("ValidatingAdmissionPolicy", policy(**spec))
    assert [line for line in expected if line not in found] == []
    assert bool(found) is bool(expected)


@pytest.mark.parametrize(
    ("mutations", "expected"),
    [
        ([{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/a'}]"}}], []),
        ([], ["spec.mutations: Required value: mutations must contain at least one item"]),
        ([{"patchType": "X"}], [
            'spec.mutations[0].patchType: Unsupported value: "X": supported values: "ApplyConfiguration", "JSONPatch"',
        ]),
        ([{"patchType": "JSONPatch", "applyConfiguration": {"expression": "Object{}"}}], [
            "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
            'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": '
            "must not be specified when patchType is JSONPatch",
        ]),
        ([{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "{'a': 1}"}}], [
            'spec.mutations[0].applyConfiguration.expression: Invalid value: "{\'a\': 1}": '
            "must evaluate to Object but got map(string, int)",
        ]),
        ([{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{spec: Object.wrong{}}"}}], [
            'spec.mutations[0].applyConfiguration.expression: Invalid value: "Object{spec: Object.wrong{}}": type mismatch: unexpected '
            'type name "Object.wrong", expected "Object.spec", which matches field name path from root Object type',
        ]),
    ],
)  # fmt: skip
def test_mutating_policies(mutations: list[Body], expected: list[str]) -> None:
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "mutations": mutations, "reinvocationPolicy": "Never"}
    assert faults("MutatingAdmissionPolicy", {"spec": spec}) == expected


def test_only_what_can_be_changed_may_be_meant() -> None:
    rule = {**RULE, "operations": ["DELETE"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "mutations": []}
    assert faults("MutatingAdmissionPolicy", {"spec": spec}) == [
        'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
        "spec.mutations: Required value: mutations must contain at least one item",
        "spec.reinvocationPolicy: Required value",
    ]


def test_bindings() -> None:
    spec = {"policyName": "p", "validationActions": ["Deny"], "paramRef": {"name": "n", "selector": {}}}
    assert faults("ValidatingAdmissionPolicyBinding", {"spec": spec}) == [
        "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
        "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
        "spec.paramRef.parameterNotFoundAction: Required value",
    ]
