"""What objects use of a quota, in which scope they are, and what a recount says."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.admission import quota
from wherry.rules.admission.quota.amounts import growth, shown, total

NOW = 1_700_000_000.0
Obj = dict[str, Any]


def _pod(requests: Obj | None = None, limits: Obj | None = None, **spec: Any) -> Obj:
    resources = {k: v for k, v in (("requests", requests), ("limits", limits)) if v}
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "resources": resources}], **spec}}


def _quota(hard: Obj, used: Obj | None = None, **spec: Any) -> Obj:
    status = {"hard": hard, "used": used if used is not None else dict.fromkeys(hard, "0")}
    return {"metadata": {"name": "q", "namespace": "a"}, "spec": {"hard": hard, **spec}, "status": status}


def _used(kind: str, obj: Obj) -> Obj:
    return quota.evaluator(kind).usage(obj, NOW)


def _charges(quota_: Obj, new: Obj, old: Obj | None = None, kind: str = "pods", sub: str = "") -> Obj:
    made = quota.charges(quota.evaluator(kind), [quota_], quota.Write(sub, new, old, NOW))
    return made[0].used if made else {}


def test_sums_keep_the_form_of_the_first() -> None:
    assert total({"a": "1Gi", "b": "1"}, {"a": "1Gi", "c": "2"}) == {"a": "2Gi", "b": "1", "c": "2"}
    assert growth({"a": "3"}, {"a": "1", "b": "2"}) == {"a": "2", "b": "0"}
    assert shown({"b": "1024Mi", "a": "0.5"}) == "a=500m,b=1Gi"


def test_a_pod_uses_requests_and_limits_until_it_ends() -> None:
    pod = _pod({"cpu": "1", "example.com/gpu": "2"}, {"memory": "1Gi"}, overhead={"cpu": "100m"})
    assert _used("pods", pod) == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "1100m",
        "requests.cpu": "1100m",
        "limits.memory": "1Gi",
        "requests.example.com/gpu": "2",
    }
    assert _used("pods", {**pod, "status": {"phase": "Succeeded"}}) == {"count/pods": "1"}
    going = {"deletionTimestamp": "2023-11-14T22:13:00Z", "deletionGracePeriodSeconds": 5}
    assert _used("pods", {**pod, "metadata": going}) == {"count/pods": "1"}


def test_a_resized_pod_counts_for_the_most_it_asked_or_has() -> None:
    status = {"containerStatuses": [{"name": "c", "resources": {"requests": {"cpu": "3"}}, "allocatedResources": {"cpu": "2"}}]}
    assert _used("pods", {**_pod({"cpu": "1"}), "status": status})["cpu"] == "3"
    hopeless = {**status, "conditions": [{"type": "PodResizePending", "reason": "Infeasible"}]}
    assert _used("pods", {**_pod({"cpu": "9"}), "status": hopeless})["cpu"] == "3"


@pytest.mark.parametrize(
    ("spec", "ports", "balancers"),
    [
        ({"type": "ClusterIP", "ports": [{}]}, "0", "0"),
        ({"type": "NodePort", "ports": [{}, {}]}, "2", "0"),
        ({"type": "LoadBalancer", "ports": [{}, {}]}, "2", "1"),
        ({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"nodePort": 1}, {}]}, "1", "1"),
    ],
)
def test_services_use_node_ports_and_load_balancers(spec: Obj, ports: str, balancers: str) -> None:
    used = _used("services", {"spec": spec})
    assert (used["services.nodeports"], used["services.loadbalancers"], used["services"]) == (ports, balancers, "1")


def test_claims_use_storage_by_class_too() -> None:
    claim = {"metadata": {}, "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1.5"}}}}
    used = _used("persistentvolumeclaims", claim)
    assert used["requests.storage"] == used["gold.storageclass.storage.k8s.io/requests.storage"] == "2"
    grown = {**claim, "status": {"allocatedResources": {"storage": "3Gi"}}}
    assert _used("persistentvolumeclaims", grown)["requests.storage"] == "3Gi"


def test_a_claim_for_devices_counts_for_the_most_it_may_get() -> None:
    choice = [{"deviceClassName": "a", "allocationMode": "ExactCount", "count": n} for n in (2, 3)]
    requests = [{"firstAvailable": choice}, {"exactly": {"deviceClassName": "b", "allocationMode": "All"}}]
    used = _used("resourceclaims.resource.k8s.io", {"spec": {"devices": {"requests": requests}}})
    assert used["a.deviceclass.resource.k8s.io/devices"] == "3"
    assert used["b.deviceclass.resource.k8s.io/devices"] == "32"


def test_kinds_are_counted_under_old_names_as_well() -> None:
    assert _used("secrets", {}) == {"count/secrets": "1", "secrets": "1"}
    assert _used("widgets.example.com", {}) == {"count/widgets.example.com": "1"}


def test_what_fits_is_charged_and_what_does_not_is_told() -> None:
    hard = {"pods": "2", "requests.cpu": "1"}
    assert _charges(_quota(hard), _pod({"cpu": "400m"})) == {"pods": "1", "requests.cpu": "400m"}
    with pytest.raises(quota.Exceeded) as refused:
        _charges(_quota(hard, {"pods": "2", "requests.cpu": "700m"}), _pod({"cpu": "400m"}))
    assert str(refused.value) == (
        "exceeded quota: q, requested: pods=1,requests.cpu=400m, used: pods=2,requests.cpu=700m, limited: pods=2,requests.cpu=1"
    )


def test_what_must_be_said_and_is_not_is_told_by_container() -> None:
    with pytest.raises(quota.Exceeded) as refused:
        _charges(_quota({"cpu": "1", "limits.memory": "1Gi"}), _pod())
    assert str(refused.value) == "failed quota: q: must specify cpu for: c; limits.memory for: c"
    assert _charges(_quota({"cpu": "1"}), _pod(resources={"requests": {"cpu": "1"}})) == {"cpu": "1"}


def test_a_quota_that_was_not_counted_yet_lets_nothing_in() -> None:
    with pytest.raises(quota.Exceeded, match="status unknown for quota: q, resources: pods"):
        _charges(_quota({"pods": "1"}, {}), _pod())


def test_an_update_is_charged_for_what_grew() -> None:
    before = {"spec": {"type": "ClusterIP", "ports": [{}]}, "metadata": {}}
    after = {"spec": {"type": "NodePort", "ports": [{}]}, "metadata": {}}
    hard = {"services": "1", "services.nodeports": "1"}
    assert _charges(_quota(hard, {"services": "1", "services.nodeports": "0"}), after, before, "services") == {
        "services": "1",
        "services.nodeports": "1",
    }
    assert _charges(_quota(hard, {"services": "1", "services.nodeports": "1"}), before, after, "services") == {}


@pytest.mark.parametrize(
    ("scope", "pod", "inside"),
    [
        ({"scopes": ["Terminating"]}, _pod(activeDeadlineSeconds=5), True),
        ({"scopes": ["Terminating"]}, _pod(), False),
        ({"scopes": ["NotTerminating"]}, _pod(), True),
        ({"scopes": ["BestEffort"]}, _pod(), True),
        ({"scopes": ["NotBestEffort"]}, _pod({"cpu": "1"}), True),
        ({"scopes": ["PriorityClass"]}, _pod(priorityClassName="high"), True),
        ({"scopes": ["CrossNamespacePodAffinity"]}, _pod(), False),
    ],
)
def test_scopes_choose_pods(scope: Obj, pod: Obj, inside: bool) -> None:
    assert bool(_charges(_quota({"pods": "5"}, **scope), pod)) is inside


@pytest.mark.parametrize(
    ("operator", "values", "name", "inside"),
    [
        ("In", ["high"], "high", True),
        ("In", ["high"], "low", False),
        ("NotIn", ["high"], "low", True),
        ("NotIn", ["high"], "", True),
        ("DoesNotExist", [], "", True),
        ("Exists", [], "", False),
    ],
)
def test_scope_selectors_choose_by_priority_class(operator: str, values: list[str], name: str, inside: bool) -> None:
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": operator, "values": values}]}
    pod = _pod(priorityClassName=name) if name else _pod()
    assert bool(_charges(_quota({"pods": "5"}, scopeSelector=selector), pod)) is inside


def test_a_recount_says_zero_of_what_is_not_there_and_keeps_what_nobody_can_count() -> None:
    new = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2", "count/jobs.batch": "1", "example.com/x": "3"}}}
    assert [e.group_resource for e in quota.sources(new)] == ["pods", "jobs.batch"]
    used = quota.counted(new, {"pods": [_pod(), _pod()], "jobs.batch": []}, NOW)
    assert used == {"pods": "2", "count/jobs.batch": "0"}
    status = quota.recounted(new, used)
    assert status == {"hard": new["spec"]["hard"], "used": used}
    assert quota.recounted({**new, "status": status}, used) is None
    assert quota.recounted({"metadata": {"name": "q"}, "spec": {}, "status": {}}, {}) is None


def test_which_changes_give_something_back() -> None:
    pod = {**_pod(), "status": {"phase": "Running"}}
    assert quota.replenishes("pods", pod, {**pod, "status": {"phase": "Failed"}}, NOW)
    assert not quota.replenishes("pods", pod, {**pod, "status": {"phase": "Running", "message": "x"}}, NOW)
    service = {"spec": {"type": "NodePort"}}
    assert quota.replenishes("services", service, {"spec": {"type": "ClusterIP"}}, NOW)
    assert not quota.replenishes("configmaps", {}, {"data": {}}, NOW)
