"""ValidatingAdmissionPolicies refuse, warn and annotate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.admission_dynamic.dynamic_world import GROUP, World, config_map, run
from wherry.api.options import User
from wherry.registry.request import AUDITED
from wherry.rules.cel.libraries.authorizer import Decision, Question


def test_a_false_expression_refuses_with_the_reference_message() -> None:
    async def test(world: World) -> None:
        await world.policy([{"expression": "object.data.size() <= 1", "message": "one key is enough"}])
        await world.create("configmaps", config_map("good", a="1"))
        status = await world.refused("configmaps", config_map("bad", a="1", b="2"))
        text = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: one key is enough"
        assert status["message"] == f'configmaps "bad" is forbidden: {text}'
        assert (status["code"], status["reason"]) == (422, "Invalid")
        assert status["details"] == {"name": "bad", "kind": "configmaps", "causes": [{"message": text}]}

    run(test)


@pytest.mark.parametrize(
    ("validation", "text"),
    [
        ({"expression": " object.data.a == '2' "}, "failed expression: object.data.a == '2'"),
        ({"expression": "false", "message": "fixed", "messageExpression": "'a is ' + object.data.a"}, "a is 1"),
        ({"expression": "false", "message": "fixed", "messageExpression": "string(object.data.nope)"}, "fixed"),
        ({"expression": "object.data.nope == ''"}, "expression 'object.data.nope == ''' resulted in error: no such key: nope"),
        ({"expression": "variables.low > 3"}, "failed expression: variables.low > 3"),
        (
            {"expression": "variables.broken > 3"},
            "expression 'variables.broken > 3' resulted in error: composited variable \"broken\" fails to evaluate: no such key: nope",
        ),
        ({"expression": "namespaceObject.metadata.labels.env == 'prod'", "message": "not there"}, "not there"),
        ({"expression": "request.operation == 'UPDATE' && request.userInfo.username == 'x'", "message": "who"}, "who"),
    ],
)
def test_the_message_says_why(validation: dict[str, Any], text: str) -> None:
    async def test(world: World) -> None:
        variables = [
            {"name": "low", "expression": "int(object.data.a)"},
            {"name": "broken", "expression": "int(object.data.nope)"},
        ]
        await world.policy([validation], variables=variables)
        status = await world.refused("configmaps", config_map(a="1"))
        assert status["details"]["causes"][0]["message"].endswith(f"denied request: {text}")

    run(test)


def test_the_reason_gives_the_code() -> None:
    async def test(world: World) -> None:
        await world.policy([{"expression": "false", "reason": "Forbidden"}])
        status = await world.refused("configmaps", config_map())
        assert (status["code"], status["reason"]) == (403, "Forbidden")

    run(test)


def test_errors_are_ignored_when_the_policy_says_so() -> None:
    async def test(world: World) -> None:
        await world.policy([{"expression": "object.data.nope == ''"}], failurePolicy="Ignore")
        await world.create("configmaps", config_map(a="1"))

    run(test)


def test_a_warning_lets_the_write_pass() -> None:
    async def test(world: World) -> None:
        await world.policy([{"expression": "false", "message": "think again"}], actions=("Warn", "Audit"))
        written = await world.written("configmaps", config_map())
        assert written.warnings == ("Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': think again",)

    run(test)


def test_audit_annotations_are_added() -> None:
    async def test(world: World) -> None:
        annotations = [{"key": "size", "valueExpression": "'size: ' + string(object.data.size())"}]
        await world.policy([{"expression": "false", "message": "m"}], actions=("Audit",), auditAnnotations=annotations)
        audited: dict[str, str] = {}
        AUDITED.set(audited)
        await world.create("configmaps", config_map(a="1"))
        assert audited == {
            "p/size": "size: 1",
            "validation.policy.admission.k8s.io/validation_failure": (
                '[{"message":"m","policy":"p","binding":"b","expressionIndex":0,"validationActions":["Audit"]}]'
            ),
        }

    run(test)


def test_match_conditions_and_selectors_limit_a_policy() -> None:
    async def test(world: World) -> None:
        conditions = [{"name": "not-mine", "expression": "!has(object.metadata.labels) || object.metadata.labels.owner != 'me'"}]
        binding = {"matchResources": {"namespaceSelector": {"matchLabels": {"env": "test"}}}}
        await world.policy([{"expression": "false"}], matchConditions=conditions, binding=binding)
        await world.refused("configmaps", config_map("bad"))
        await world.create("configmaps", config_map("good") | {"metadata": {"name": "good", "labels": {"owner": "me"}}})
        await world.create("secrets", {"metadata": {"name": "s"}})
        await world.create("namespaces", {"metadata": {"name": "other"}})
        await world.create("configmaps", config_map("there"), namespace="other")

    run(test)


def test_names_and_exclusions_of_rules() -> None:
    async def test(world: World) -> None:
        rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "scope": "Namespaced"}
        await world.policy(
            [{"expression": "false"}],
            matchConstraints={"resourceRules": [rule], "excludeResourceRules": [{**rule, "resourceNames": ["spared"]}]},
        )
        await world.refused("configmaps", config_map("bad"))
        await world.create("configmaps", config_map("spared"))
        await world.create("namespaces", {"metadata": {"name": "other"}})

    run(test)


def test_updates_and_deletes_see_the_old_object() -> None:
    async def test(world: World) -> None:
        rule = {"operations": ["UPDATE", "DELETE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
        text = "request.operation == 'DELETE' ? object == null && oldObject.data.a != 'keep' : oldObject.data.a == object.data.a"
        await world.policy([{"expression": text}], matchConstraints={"resourceRules": [rule]})
        await world.create("configmaps", config_map("c", a="keep"))
        await world.patch("configmaps", "c", {"data": {"b": "1"}})
        with pytest.raises(Exception, match="failed expression"):
            await world.patch("configmaps", "c", {"data": {"a": "1"}})
        with pytest.raises(Exception, match="failed expression"):
            await world.delete("configmaps", "c")

    run(test)


def test_parameters_by_name_and_by_selector() -> None:
    async def test(world: World) -> None:
        ref = {"selector": {"matchLabels": {"use": "limit"}}, "parameterNotFoundAction": "Deny"}
        await world.policy(
            [{"expression": "object.data.size() <= int(params.data.max)", "messageExpression": "'at most ' + params.data.max"}],
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            binding={"paramRef": ref},
            matchConditions=[{"name": "no-limits", "expression": "!object.metadata.name.startsWith('limit')"}],
        )
        status = await world.refused("configmaps", config_map(a="1"))
        assert "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction" in status["message"]
        await world.delete(f"validatingadmissionpolicybindings.{GROUP}", "b")
        await world.create("configmaps", {"metadata": {"name": "limit", "labels": {"use": "limit"}}, "data": {"max": "1"}})
        spec = {"policyName": "p", "validationActions": ["Deny"], "paramRef": ref}
        await world.create(f"validatingadmissionpolicybindings.{GROUP}", {"metadata": {"name": "b"}, "spec": spec})
        await world.create("configmaps", config_map("good", a="1"))
        status = await world.refused("configmaps", config_map("bad", a="1", b="2"))
        assert status["message"].endswith("denied request: at most 1")

    run(test)


def test_an_unknown_kind_of_parameters_is_a_configuration_error() -> None:
    async def test(world: World) -> None:
        ref = {"name": "x", "parameterNotFoundAction": "Allow"}
        await world.policy([{"expression": "true"}], paramKind={"apiVersion": "x.io/v1", "kind": "Limit"}, binding={"paramRef": ref})
        status = await world.refused("configmaps", config_map())
        assert status["message"].endswith(
            "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: "
            "failed to find resource referenced by paramKind: 'x.io/v1, Kind=Limit'"
        )

    run(test)


def test_expressions_ask_the_authorizer() -> None:
    asked: list[Question] = []

    async def decide(user: User, question: Question) -> Decision:
        asked.append(question)
        return Decision(user.name == "boss", "because")

    async def test(world: World) -> None:
        world.registry.outside.decide = decide
        text = (
            "authorizer.group('apps').resource('deployments').namespace('a').check('create').allowed() || "
            "authorizer.requestResource.check('breakglass').allowed()"
        )
        await world.policy([{"expression": text}])
        await world.refused("configmaps", config_map("c"))
        assert [(q.verb, q.resource, q.namespace, q.name) for q in asked] == [
            ("create", "deployments", "a", ""), ("breakglass", "configmaps", "a", "c"),
        ]  # fmt: skip
        await world.create("configmaps", config_map("c"), user=User("boss"))

    run(test)


def test_policies_do_not_judge_policies() -> None:
    async def test(world: World) -> None:
        rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}
        await world.policy([{"expression": "false"}], matchConstraints={"resourceRules": [rule]})
        await world.delete(f"validatingadmissionpolicies.{GROUP}", "p")
        await world.create("configmaps", config_map())

    run(test)


def test_an_endless_expression_is_stopped() -> None:
    async def test(world: World) -> None:
        text = "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, c >= 0)))"
        await world.policy([{"expression": text}])
        status = await world.refused("configmaps", config_map())
        assert "actual cost limit exceeded" in status["message"]

    run(test)


def test_equivalent_versions_match_and_are_seen_as_asked_for() -> None:
    async def test(world: World) -> None:
        rule = {
            "operations": ["CREATE"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"],
        }  # fmt: skip
        text = "object.apiVersion + ' ' + request.requestResource.version + ' ' + request.resource.version"
        await world.policy([{"expression": "false", "messageExpression": text}], matchConstraints={"resourceRules": [rule]})
        scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
        hpa = {"metadata": {"name": "h"}, "spec": {"maxReplicas": 2, "scaleTargetRef": scaled}}
        status = await world.refused("horizontalpodautoscalers.autoscaling/v2", hpa)
        assert status["message"].endswith("autoscaling/v1 v2 v1")

    run(test)
