"""Roles as pure rules: what allows what, what covers what, how roles add up, and how default roles are put right."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.registry.rbac.data import default_policy, node_rules
from wherry.rules.access.rbac.aggregation import aggregated
from wherry.rules.access.rbac.covers import compact, missing
from wherry.rules.access.rbac.defaults import objects
from wherry.rules.access.rbac.nodes import judge, node_of, references
from wherry.rules.access.rbac.policy import Policy
from wherry.rules.access.rbac.reconcile import step
from wherry.rules.access.rbac.request import Attributes
from wherry.rules.access.rbac.rule import Rule, allows, parse

BOB = User("bob", groups=("devs", "system:authenticated"))


def role(name: str, *rules: Obj, namespace: str = "", **meta: Any) -> Obj:
    kind = "Role" if namespace else "ClusterRole"
    return {"kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {}), **meta}, "rules": list(rules)}


def binding(name: str, of: str, *subjects: Obj, namespace: str = "", kind: str = "ClusterRole") -> Obj:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": "RoleBinding" if namespace else "ClusterRoleBinding", "metadata": meta,
            "roleRef": {"kind": kind, "name": of}, "subjects": list(subjects)}


def rule(verbs: str, groups: str, resources: str, names: str = "") -> Obj:
    found = {"verbs": verbs.split(","), "apiGroups": groups.split(","), "resources": resources.split(",")}
    return {**found, "resourceNames": names.split(",")} if names else found


def policy(*objs: Obj) -> Policy:
    made = Policy()
    for obj in objs:
        made.put(obj)
    return made


@pytest.mark.parametrize(
    ("given", "asked", "allowed"),
    [
        (rule("get", "", "pods"), Attributes("get", resource="pods"), True),
        (rule("get", "", "pods"), Attributes("list", resource="pods"), False),
        (rule("get", "", "pods"), Attributes("get", resource="pods", subresource="log"), False),
        (rule("get", "", "pods/log"), Attributes("get", resource="pods", subresource="log"), True),
        (rule("get", "", "pods/log"), Attributes("get", resource="pods"), False),
        (rule("update", "*", "*/scale"), Attributes("update", group="apps", resource="deployments", subresource="scale"), True),
        (rule("update", "*", "*/scale"), Attributes("update", group="apps", resource="deployments"), False),
        (rule("*", "*", "*"), Attributes("frob", group="x.example", resource="y", subresource="z"), True),
        (rule("get", "apps", "pods"), Attributes("get", resource="pods"), False),
        (rule("get", "", "secrets", "a,b"), Attributes("get", resource="secrets", name="b"), True),
        (rule("get", "", "secrets", "a,b"), Attributes("get", resource="secrets", name="c"), False),
        (rule("list", "", "secrets", "a"), Attributes("list", resource="secrets"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["/apis/*"]}, Attributes("get", "/apis/apps"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["/apis/*"]}, Attributes("get", "/apis"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["/version"]}, Attributes("get", "/version"), True),
        ({"verbs": ["*"], "nonResourceURLs": ["*"]}, Attributes("get", resource="pods"), False),
    ],
)  # fmt: skip
def test_a_rule_allows_what_it_names(given: Obj, asked: Attributes, allowed: bool) -> None:
    assert allows(parse([given])[0], asked) is allowed


def test_bindings_of_the_cluster_apply_everywhere_and_those_of_a_namespace_there() -> None:
    made = policy(
        role("reader", rule("get", "", "pods")),
        role("writer", rule("create", "", "pods"), namespace="a"),
        binding("everywhere", "reader", {"kind": "Group", "name": "devs"}),
        binding("here", "writer", {"kind": "User", "name": "bob"}, namespace="a", kind="Role"),
    )
    found = made.decide(BOB, Attributes("get", resource="pods", namespace="b"))
    assert found.reason == 'RBAC: allowed by ClusterRoleBinding "everywhere" of ClusterRole "reader" to Group "devs"'
    found = made.decide(BOB, Attributes("create", resource="pods", namespace="a"))
    assert found.reason == 'RBAC: allowed by RoleBinding "here/a" of Role "writer" to User "bob"'
    assert not made.decide(BOB, Attributes("create", resource="pods", namespace="b")).allowed
    assert not made.decide(BOB, Attributes("create", resource="pods")).allowed


def test_an_account_without_a_namespace_is_one_of_the_bindings_namespace() -> None:
    account = User("system:serviceaccount:a:build")
    made = policy(role("r", rule("get", "", "pods")), binding("b", "r", {"kind": "ServiceAccount", "name": "build"}, namespace="a"))
    found = made.decide(account, Attributes("get", resource="pods", namespace="a"))
    assert found.reason == 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "r" to ServiceAccount "build/a"'
    cluster = policy(role("r", rule("get", "", "pods")), binding("b", "r", {"kind": "ServiceAccount", "name": "build"}))
    assert not cluster.decide(account, Attributes("get", resource="pods", namespace="a")).allowed


def test_roles_that_are_missing_are_told_and_changes_are_seen_at_once() -> None:
    made = policy(binding("b", "gone", {"kind": "User", "name": "bob"}))
    asked = Attributes("get", resource="pods")
    assert made.decide(BOB, asked).reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'
    made.put(role("gone", rule("get", "", "pods")))
    assert made.decide(BOB, asked).allowed
    made.drop("ClusterRoleBinding", "", "b")
    assert made.decide(BOB, asked) == (False, "")


@pytest.mark.parametrize(
    ("owned", "wanted", "lacking"),
    [
        ([rule("get,list", "", "pods")], [rule("get", "", "pods")], []),
        ([rule("get", "", "pods")], [rule("get,list", "", "pods")], ['{APIGroups:[""], Resources:["pods"], Verbs:["list"]}']),
        ([rule("*", "*", "*")], [rule("get", "apps", "deployments/scale", "x")], []),
        ([rule("get", "", "*/log")], [rule("get", "", "pods/log")], []),
        ([rule("get", "", "pods", "a")], [rule("get", "", "pods")], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']),
        ([rule("get", "", "pods")], [rule("get", "", "pods", "a")], []),
        ([rule("get", "", "pods"), rule("get", "", "nodes")], [rule("get", "", "pods,nodes")], []),
        ([{"verbs": ["get"], "nonResourceURLs": ["/a/*"]}], [{"verbs": ["get"], "nonResourceURLs": ["/a/b"]}], []),
        ([], [{"verbs": ["get"], "nonResourceURLs": ["/a"]}], ['{NonResourceURLs:["/a"], Verbs:["get"]}']),
    ],
)  # fmt: skip
def test_nobody_has_more_than_their_rules_cover(owned: list[Obj], wanted: list[Obj], lacking: list[str]) -> None:
    assert [str(r) for r in missing(parse(owned), parse(wanted))] == lacking


def test_what_is_missing_is_told_in_few_rules() -> None:
    rules = missing((), parse([rule("get,list", "", "pods,nodes"), rule("get", "", "secrets", "a")]))
    assert sorted(map(str, compact(rules))) == [
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get"]}',
    ]


def test_the_default_roles_add_up_as_the_reference_says() -> None:
    counts = Counter(o["kind"] for o in objects(default_policy()))
    assert counts == {"ClusterRole": 70, "ClusterRoleBinding": 51, "Role": 7, "RoleBinding": 7}
    roles = [o for o in objects(default_policy()) if o["kind"] == "ClusterRole"]
    by_name = {r["metadata"]["name"]: r for r in roles}
    view = aggregated(by_name["view"], roles)
    edit = aggregated(by_name["edit"], [{**by_name["view"], "rules": view} if r["metadata"]["name"] == "view" else r for r in roles])
    assert view == by_name["system:aggregate-to-view"]["rules"]
    assert missing(parse(edit), parse(view)) == []
    assert missing(parse(view), [Rule(("get",), ("",), ("secrets",))])
    assert missing(parse(by_name["cluster-admin"]["rules"]), parse(edit)) == []


def test_a_default_role_is_put_right_and_what_was_added_stays() -> None:
    expected = next(o for o in objects(default_policy()) if o["metadata"]["name"] == "system:discovery" and o["kind"] == "ClusterRole")
    assert step(expected, None) == ("create", expected)
    assert step(expected, expected).what == "nothing"
    more = {**expected, "rules": [*expected["rules"], rule("get", "", "pods")]}
    assert step(expected, more).what == "nothing"
    less = {**expected, "rules": [rule("get", "", "pods")]}
    what, repaired = step(expected, less)
    assert what == "update"
    assert repaired["rules"][0] == rule("get", "", "pods")
    assert not missing(parse(repaired["rules"]), parse(expected["rules"]))
    guarded = {**less, "metadata": {**less["metadata"], "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}}
    assert step(expected, guarded).what == "nothing"


def test_a_default_binding_keeps_added_subjects_and_is_made_anew_for_another_role() -> None:
    expected = next(o for o in objects(default_policy()) if o["kind"] == "ClusterRoleBinding" and o["metadata"]["name"] == "cluster-admin")
    ann = {"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"}
    what, obj = step(expected, {**expected, "subjects": [ann]})
    assert (what, obj["subjects"]) == ("update", [ann, *expected["subjects"]])
    other = {**expected, "roleRef": {**expected["roleRef"], "name": "view"}}
    assert step(expected, other) == ("recreate", expected)


NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))


def test_a_node_is_a_user_of_the_group_of_nodes() -> None:
    assert node_of(NODE) == "n1"
    assert node_of(User("system:node:n1")) is None
    assert node_of(User("system:node:", groups=("system:nodes",))) == ""


@pytest.mark.parametrize(
    ("asked", "allowed", "why"),
    [
        (Attributes("get", resource="nodes", name="n1"), True, ""),
        (Attributes("get", resource="nodes", name="n2"), False, "node 'n1' cannot read 'n2', only its own Node object"),
        (Attributes("list", resource="nodes"), False, "node 'n1' cannot read all nodes, only its own Node object"),
        (Attributes("list", resource="pods", fields="spec.nodeName=n1"), True, ""),
        (Attributes("list", resource="pods"), False, "can only list/watch pods with spec.nodeName field selector"),
        (Attributes("list", resource="secrets", namespace="a"), False, "No Object name found"),
        (Attributes("update", resource="secrets", namespace="a"), False, "can only read resources of this type"),
        (Attributes("update", group="coordination.k8s.io", resource="leases", namespace="kube-node-lease", name="n1"), True, ""),
        (Attributes("update", group="coordination.k8s.io", resource="leases", namespace="kube-node-lease", name="n2"), False,
         "can only access node lease with the same name as the requesting node"),
    ],
)  # fmt: skip
def test_a_node_may_do_what_is_its_own(asked: Attributes, allowed: bool, why: str) -> None:
    assert judge("n1", asked) == (allowed, why)


def test_everything_else_of_nodes_is_what_their_role_says() -> None:
    asked = Attributes("list", resource="services")
    assert judge("n1", asked) is None
    assert any(allows(r, asked) for r in node_rules())
    assert not any(allows(r, Attributes("delete", resource="services")) for r in node_rules())


def test_a_pod_refers_to_all_that_it_uses() -> None:
    spec = {
        "serviceAccountName": "acc",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "s1"}}}], "envFrom": [{"configMapRef": {"name": "c1"}}]}],
        "volumes": [
            {"name": "v1", "secret": {"secretName": "s2"}},
            {"name": "v2", "configMap": {"name": "c2"}},
            {"name": "v3", "projected": {"sources": [{"secret": {"name": "s3"}}, {"configMap": {"name": "c3"}}]}},
            {"name": "v4", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "v5", "ephemeral": {}},
        ],
    }
    found = set(references({"metadata": {"name": "p"}, "spec": spec}))
    secrets = {("secrets", n) for n in ("pull", "s1", "s2", "s3")}
    maps = {("configmaps", n) for n in ("c1", "c2", "c3")}
    claims = {("persistentvolumeclaims", n) for n in ("claim", "p-v5")}
    assert found == {("pods", "p"), ("serviceaccounts", "acc"), *secrets, *maps, *claims}
    mirror = {"metadata": {"name": "p", "annotations": {"kubernetes.io/config.mirror": "x"}}, "spec": spec}
    assert set(references(mirror)) == {("pods", "p")}
