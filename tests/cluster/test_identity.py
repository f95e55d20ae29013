"""Who the parts inside are to the API: the reference's users, whom roles, policies, NodeRestriction and webhooks meet as anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry import Cluster
from wherry.api.errors import Forbidden
from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.cluster import users
from wherry.cluster.controllers import ROWS
from wherry.registry.rbac.data import default_policy, own_policy

PODS, EVENTS, NODES = resource("pods"), resource("events"), resource("nodes")
POLICIES, BINDINGS = (resource(f"validatingadmission{plural}", "admissionregistration.k8s.io") for plural in ("policies", "policybindings"))


@pytest.fixture
def c() -> Iterator[Cluster]:
    with Cluster(time="virtual", seed=1, nodes=2, serve=False) as cluster:
        yield cluster


def forbid(c: Cluster, operation: str, what: str, of: str = "pods") -> None:
    """A policy that refuses, and says who asked."""
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": [operation], "resources": [what]}
    said = "'user=' + request.userInfo.username + ' groups=' + request.userInfo.groups.join(',')"
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "false", "messageExpression": said}]}
    head = {"apiVersion": POLICIES.api_version, "metadata": {"name": of}}
    c.client.create(POLICIES, "", {**head, "kind": "ValidatingAdmissionPolicy", "spec": spec})
    c.client.create(BINDINGS, "", {**head, "kind": POLICIES.kind + "Binding", "spec": {"policyName": of, "validationActions": ["Deny"]}})


def deployment() -> Obj:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def test_policies_see_the_controller_that_makes_a_pod(c: Cluster) -> None:
    forbid(c, "CREATE", "pods")
    c.client.create(resource("deployments", "apps"), "default", deployment())
    c.clock.advance(5)
    account = "system:serviceaccount:kube-system:replicaset-controller"
    groups = "system:serviceaccounts,system:serviceaccounts:kube-system,system:authenticated"
    told = [e["message"] for e in c.client.list(EVENTS, "default").items if e["reason"] == "FailedCreate"]
    assert any(f"user={account} groups={groups}" in message for message in told)


def test_policies_see_the_scheduler_that_binds_a_pod(c: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    forbid(c, "CREATE", "pods/binding")
    c.client.create(resource("deployments", "apps"), "default", deployment())
    c.clock.advance(5)
    assert "user=system:kube-scheduler groups=system:authenticated" in caplog.text


def test_policies_see_the_node_that_writes_a_status(c: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    forbid(c, "UPDATE", "pods/status")
    c.client.create(resource("deployments", "apps"), "default", deployment())
    c.clock.advance(5)
    (pod,) = c.client.list(PODS, "default").items
    assert f"user=system:node:{pod['spec']['nodeName']} groups=system:nodes,system:authenticated" in caplog.text


def test_a_controller_may_do_what_its_role_says_and_no_more(c: Cluster) -> None:
    inside = c.component("kube-controller-manager", users.controller("deployment-controller"))
    said = (
        'secrets is forbidden: User "system:serviceaccount:kube-system:deployment-controller" cannot list resource "secrets" '
        'in API group "" in the namespace "default"'
    )
    with pytest.raises(Forbidden) as refused:
        c.call(inside.list(resource("secrets"), "default"))
    assert str(refused.value) == said
    assert c.call(inside.list(resource("replicasets", "apps"), "default")).items == []


def test_a_role_that_is_taken_away_is_missed_by_the_next_request_and_found_again(c: Cluster) -> None:
    inside = c.component("kube-controller-manager", users.controller("deployment-controller"))
    sets, of_roles = resource("replicasets", "apps"), resource("clusterrolebindings", "rbac.authorization.k8s.io")
    for _ in range(3):
        c.call(inside.list(sets, "default"))
    binding = c.client.get(of_roles, "", "system:controller:deployment-controller")
    c.client.delete(of_roles, "", name(binding))
    with pytest.raises(Forbidden):
        c.call(inside.list(sets, "default"))
    c.client.create(of_roles, "", {**binding, "metadata": {"name": name(binding)}})
    c.call(inside.list(sets, "default"))


def test_a_node_writes_its_own_pods_and_no_others(c: Cluster) -> None:
    c.client.create(resource("deployments", "apps"), "default", deployment())
    c.clock.advance(5)
    (pod,) = c.client.list(PODS, "default").items
    own = pod["spec"]["nodeName"]
    other = next(name(node) for node in c.client.list(NODES).items if name(node) != own)
    with pytest.raises(Forbidden, match=r"can only update pod status for pods with spec\.nodeName set to itself"):
        c.call(c.component("kubelet", users.node(other)).update(PODS, pod, subresource="status"))
    c.call(c.component("kubelet", users.node(own)).update(PODS, pod, subresource="status"))
    with pytest.raises(Forbidden, match=r"can only list/watch pods with spec\.nodeName field selector"):
        c.call(c.component("kubelet", users.node(own)).list(PODS))
    found = c.call(c.component("kubelet", users.node(own)).list(PODS, field_selector=f"spec.nodeName={own}")).items
    assert [name(p) for p in found] == [name(pod)]


def test_every_controller_has_an_account_with_a_role(c: Cluster) -> None:
    """Those of the reference the reference's; those that only wherry has their own, by a name that says so."""
    known = {**default_policy()["clusterRoles"], **own_policy()["clusterRoles"]}
    known |= {named.rpartition("/")[2]: rules for named, rules in default_policy()["roles"].items()}
    for row in ROWS:
        if row.inside or row.user is users.CONTROLLER_MANAGER:
            continue
        account = row.user.name.rpartition(":")[2]
        assert {f"system:controller:{account}", f"wherry:controller:{account}"} & known.keys(), row.name


def test_nobody_inside_is_the_administrator(c: Cluster) -> None:
    assert all(each.user.name != "admin" for each in c.components)
    assert sum("system:masters" in each.user.groups for each in c.components) <= sum(r.inside for r in ROWS)


def test_the_audit_log_has_what_the_parts_inside_do_in_their_own_names(tmp_path: Path) -> None:
    policy, log = tmp_path / "policy.json", tmp_path / "audit.log"
    rules = [{"level": "RequestResponse", "resources": [{"group": "", "resources": ["pods", "pods/binding", "pods/status"]}]}]
    policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
    with Cluster(time="virtual", seed=1, nodes=1, audit_policy_file=policy, audit_log_path=str(log)) as c:
        c.client.create(resource("deployments", "apps"), "default", deployment())
        c.clock.advance(10)
        (pod,) = c.client.list(PODS, "default").items
    events = [json.loads(line) for line in log.read_text().splitlines()]
    done = [e for e in events if e["stage"] == "ResponseComplete"]
    seen = {(e["user"]["username"], e["verb"], e["objectRef"].get("subresource", ""), e["responseStatus"]["code"]) for e in done}
    assert {
        ("system:serviceaccount:kube-system:replicaset-controller", "create", "", 201),
        ("system:kube-scheduler", "create", "binding", 201),
        ("system:node:sim-0", "update", "status", 200),
    } <= seen
    made = next(e for e in done if e["verb"] == "create" and "subresource" not in e["objectRef"])
    assert (made["requestURI"], made["userAgent"]) == ("/api/v1/namespaces/default/pods", "kube-controller-manager")
    assert made["requestObject"]["metadata"]["name"] == made["responseObject"]["metadata"]["name"] == name(pod)
    watching = next(e for e in events if e["verb"] == "watch" and e["user"]["username"] == "system:kube-controller-manager")
    assert watching["stage"] == "RequestReceived"
