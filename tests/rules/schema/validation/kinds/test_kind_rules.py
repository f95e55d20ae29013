"""Rules of kinds that the recordings do not show: what preparation changes, what an update may not, what is refused and why."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.rules.kinds import STRATEGIES
from wherry.rules.kinds.certificates import prepare_approval
from wherry.rules.kinds.conversion import convert
from wherry.rules.kinds.times import STAMPS

META = {"name": "a", "namespace": "n"}
NOW, LATER = "2026-01-02T03:04:05Z", "2026-01-02T03:05:05Z"


def said(kind: str, obj: Obj, old: Obj | None = None) -> list[str]:
    """The kind's own errors, of a defaulted object."""
    strategy = STRATEGIES[kind]
    draft = {"metadata": META, **copy.deepcopy(obj)}
    strategy.default(draft)
    if old is None:
        errors = strategy.validate(draft)
    else:
        before = {"metadata": META, **copy.deepcopy(old)}
        strategy.default(before)
        errors = strategy.validate_update(draft, before)
    return [f"{e.field}: {e.message}" for e in errors]


def test_a_namespace_keeps_its_finalizers_from_its_writers() -> None:
    strategy = STRATEGIES["Namespace"]
    draft: Obj = {"metadata": {"name": "a"}, "spec": {"finalizers": ["example.com/x"]}}
    strategy.default(draft)
    strategy.prepare_create(draft)
    assert draft["spec"]["finalizers"] == ["example.com/x", "kubernetes"]
    new: Obj = {"metadata": {"name": "a"}, "spec": {"finalizers": []}, "status": {"phase": "Terminating"}}
    strategy.prepare_update(new, draft)
    assert (new["spec"], new["status"]) == (draft["spec"], {"phase": "Active"})


def test_a_namespaces_phase_follows_its_deletion() -> None:
    strategy = STRATEGIES["Namespace"]
    active: Obj = {"metadata": {"name": "a"}, "status": {"phase": "Terminating"}}
    assert [e.field for e in strategy.validate_status(active, active)] == ["status.Phase"]
    deleting = {**active, "metadata": {"name": "a", "deletionTimestamp": NOW}}
    assert strategy.validate_status(deleting, deleting) == []


def test_an_immutable_config_stays() -> None:
    locked = "Forbidden: field is immutable when `immutable` is set"
    old = {"data": {"a": "1"}, "immutable": True}
    assert said("ConfigMap", {"data": {"a": "2"}}, old) == [f"immutable: {locked}", f"data: {locked}"]
    assert said("ConfigMap", {**old, "metadata": {**META, "labels": {"a": "b"}}}, old) == []
    assert said("Secret", {"data": {"a": "MQ=="}, "immutable": True}, {"immutable": True}) == [f"data: {locked}"]


def test_a_config_map_has_a_size_and_one_bag_per_key() -> None:
    assert said("ConfigMap", {"data": {"a": "x" * 1024 * 1024}}) == []
    assert said("ConfigMap", {"data": {"a": "x" * 1024 * 1024}, "binaryData": {"b": "MQ=="}})[0].startswith("[]: Too long")
    assert said("ConfigMap", {"data": {"a": ""}, "binaryData": {"a": ""}})[0].endswith("duplicate of key present in binaryData")


@pytest.mark.parametrize(
    ("type_", "data", "errors"),
    [
        ("kubernetes.io/tls", {}, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ("kubernetes.io/basic-auth", {"username": ""}, []),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": ""}, ["data[ssh-privatekey]: Required value"]),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": "e30="}, []),
        (
            "kubernetes.io/dockercfg",
            {".dockercfg": ""},
            ['data[.dockercfg]: Invalid value: "<secret contents redacted>": unexpected end of JSON input'],
        ),
        (
            "kubernetes.io/service-account-token",
            {},
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        ("example.com/any", {}, []),
    ],
)
def test_a_secret_has_what_its_type_needs(type_: str, data: Obj, errors: list[str]) -> None:
    assert said("Secret", {"type": type_, "data": data}) == errors


def test_a_secrets_type_stays_and_is_kept_when_left_out() -> None:
    assert said("Secret", {"type": "a"}, {"type": "b"}) == ['type: Invalid value: "a": field is immutable']
    draft: Obj = {"metadata": META}
    STRATEGIES["Secret"].prepare_update(draft, {"metadata": META, "type": "b"})
    assert draft["type"] == "b"


def test_a_nodes_taints_are_unique_and_its_range_stays() -> None:
    taint = {"key": "a", "effect": "NoSchedule"}
    errors = said("Node", {"spec": {"taints": [taint, {**taint, "value": "x"}, {"key": "b", "effect": "Never"}]}})
    assert errors[0].startswith("metadata.taints[1]: Duplicate value: ")
    assert errors[0].endswith("taints must be unique by key and effect pair")
    assert errors[1].endswith('supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"')
    moved = said("Node", {"spec": {"podCIDRs": ["10.1.0.0/24"]}}, {"spec": {"podCIDRs": ["10.2.0.0/24"]}})
    assert moved == ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid']
    assert said("Node", {"spec": {"podCIDRs": ["10.1.0.0/24"]}}, {"spec": {}}) == []


def event(**fields: Any) -> Obj:
    return {"metadata": META, "involvedObject": {"namespace": "n", "name": "p", "kind": "Pod"}, "type": "Normal", **fields}


def test_an_event_is_about_its_own_namespace() -> None:
    assert said("Event", event()) == []
    assert said("Event", event(involvedObject={"namespace": "m"})) == [
        'involvedObject.namespace: Invalid value: "m": does not match event.namespace'
    ]


def test_a_new_event_says_who_reports_and_changes_only_its_series() -> None:
    assert "eventTime: Required value" in said("Event.events.k8s.io", event())
    full = event(eventTime=NOW, reportingComponent="a.b/c", reportingInstance="i", action="act", reason="r")
    assert said("Event.events.k8s.io", full) == []
    series = {"series": {"count": 2, "lastObservedTime": NOW}}
    assert said("Event.events.k8s.io", {**full, **series}, full) == []
    assert said("Event.events.k8s.io", {**full, "message": "x"}, full) == ['message: Invalid value: "x": field is immutable']


def test_events_are_the_same_object_in_both_groups() -> None:
    old, new = resource("events"), resource("events", "events.k8s.io")
    stored = {"apiVersion": "v1", "kind": "Event", **event(message="m", count=3, source={"component": "c"}, reportingComponent="r")}
    shown = convert(stored, old, new)
    assert (shown["note"], shown["deprecatedCount"], shown["reportingController"]) == ("m", 3, "r")
    assert shown["regarding"] == stored["involvedObject"]
    assert convert(shown, new, old) == stored


def test_an_autoscaler_goes_to_v1_and_back() -> None:
    v1, v2 = resource("horizontalpodautoscalers", "autoscaling", "v1"), resource("horizontalpodautoscalers", "autoscaling", "v2")
    target = {"type": "AverageValue", "averageValue": "10"}
    metrics = [
        {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": target}},
        {"type": "Object", "object": {"describedObject": {"kind": "S", "name": "s"}, "metric": {"name": "o"}, "target": target}},
        {"type": "External", "external": {"metric": {"name": "e", "selector": {}}, "target": {"type": "Value", "value": "3"}}},
        {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "target": target}},
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
    ]
    current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageValue": "5m", "averageUtilization": 40}}}]
    spec = {"maxReplicas": 3, "metrics": metrics, "behavior": {"scaleUp": {"selectPolicy": "Max"}}}
    status = {"currentReplicas": 1, "desiredReplicas": 2, "currentMetrics": current, "conditions": [{"type": "AbleToScale"}]}
    obj = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": META, "spec": spec, "status": status}
    shown = convert(obj, v2, v1)
    assert shown["spec"] == {"maxReplicas": 3, "targetCPUUtilizationPercentage": 70}
    assert shown["status"]["currentCPUUtilizationPercentage"] == 40
    assert convert(shown, v1, v2) == obj
    plain = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": META, "spec": {"maxReplicas": 3}}
    assert convert(plain, v1, v2)["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


def test_forms_that_are_not_of_one_kind_are_not_converted() -> None:
    with pytest.raises(ValueError, match="no conversion"):
        convert({}, resource("deployments", "apps"), resource("pods"))


def test_an_autoscaler_scales_between_bounds_by_one_source_each() -> None:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    assert said("HorizontalPodAutoscaler.autoscaling", {"spec": {"scaleTargetRef": ref, "minReplicas": 3, "maxReplicas": 2}}) == [
        "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"
    ]
    core = {"scaleTargetRef": {**ref, "apiVersion": "v1"}, "maxReplicas": 2}
    assert said("HorizontalPodAutoscaler.autoscaling", {"spec": core})[0].endswith("apiVersion must specify API group")
    empty = {"scaleTargetRef": ref, "maxReplicas": 2, "metrics": [{"type": "Pods"}]}
    text = "spec.metrics[0].pods: Required value: must populate information for the given metric source"
    assert said("HorizontalPodAutoscaler.autoscaling", {"spec": empty}) == [text]


def test_a_budget_is_one_share_of_at_most_all() -> None:
    kind = "PodDisruptionBudget.policy"
    assert said(kind, {"spec": {"minAvailable": "150%"}}) == ['spec.minAvailable: Invalid value: "150%": must not be greater than 100%']
    assert said(kind, {"spec": {"maxUnavailable": -1}})[0].endswith("must be greater than or equal to 0")
    assert said(kind, {"spec": {"minAvailable": 1, "maxUnavailable": 1}})[0].endswith("minAvailable and maxUnavailable cannot be both set")


def ingress(path: str, **backend: Any) -> Obj:
    service = {"name": "s", "port": {"number": 80}}
    rule = {"http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend or {"service": service}}]}}
    return {"spec": {"rules": [rule]}}


def test_an_ingress_needs_absolute_paths_and_one_backend() -> None:
    kind, at = "Ingress.networking.k8s.io", "spec.rules[0].http.paths[0]"
    assert said(kind, ingress("x")) == [f'{at}.path: Invalid value: "x": must be an absolute path']
    assert said(kind, ingress("/a//b/.."))[1:] == [f"{at}.path: Invalid value: \"/a//b/..\": cannot end with '/..'"]
    assert said(kind, ingress("/", service={"name": "s"})) == [f"{at}.backend: Required value: port name or number is required"]
    assert said(kind, {"spec": {}}) == ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]


def test_a_network_policys_peer_is_a_block_or_selectors() -> None:
    kind, at = "NetworkPolicy.networking.k8s.io", "spec.ingress[0].from[0]"
    block = {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "11.0.0.0/16"]}
    errors = said(kind, {"spec": {"ingress": [{"from": [{"ipBlock": block, "podSelector": {}}]}]}})
    assert errors == [
        f'{at}.ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
        f"{at}: Forbidden: may not specify both ipBlock and another peer",
    ]
    assert said(kind, {"spec": {"egress": [{"to": [{}]}]}}) == ["spec.egress[0].to[0]: Required value: must specify a peer"]


def test_a_binding_keeps_its_role() -> None:
    kind = "RoleBinding.rbac.authorization.k8s.io"
    ref = {"kind": "Role", "name": "r"}
    assert said(kind, {"roleRef": ref, "subjects": [{"kind": "Robot", "name": "x"}]}) == [
        'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'
    ]
    assert said(kind, {"roleRef": {**ref, "name": "s"}}, {"roleRef": ref})[0].endswith("cannot change roleRef")


def test_a_role_rule_names_resources_or_urls() -> None:
    rule = {"verbs": ["get"], "nonResourceURLs": ["/x"]}
    assert said("ClusterRole.rbac.authorization.k8s.io", {"rules": [rule]}) == []
    assert said("Role.rbac.authorization.k8s.io", {"rules": [rule]})[0].endswith("namespaced rules cannot apply to non-resource URLs")


def test_a_quota_counts_known_things_in_whole_numbers() -> None:
    errors = said("ResourceQuota", {"spec": {"hard": {"pods": "1500m", "nosuch": "1"}}})
    assert errors[0] == 'spec.hard[pods]: Invalid value: "1500m": must be an integer'
    assert errors[-1].endswith("must be a standard resource for quota")
    assert said("ResourceQuota", {"spec": {"scopes": ["BestEffort"]}}, {"spec": {}})[0].endswith("field is immutable")


def test_a_limit_ranges_values_are_in_order() -> None:
    item = {"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}
    errors = said("LimitRange", {"spec": {"limits": [item]}})
    assert 'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1' in errors


def test_a_claim_grows_only_once_it_is_bound() -> None:
    def claim(size: str, phase: str) -> Obj:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        return {"spec": spec, "status": {"phase": phase, "capacity": {"storage": "1Gi"}}}

    assert said("PersistentVolumeClaim", claim("2Gi", "Bound"), claim("1Gi", "Bound")) == []
    early = said("PersistentVolumeClaim", claim("2Gi", "Pending"), claim("1Gi", "Pending"))
    assert early[0].startswith("spec: Forbidden: spec is immutable")
    shrunk = said("PersistentVolumeClaim", claim("1Gi", "Bound"), claim("2Gi", "Bound"))
    assert shrunk == ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]


def test_a_claim_may_be_given_its_volume_and_class() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    assert said("PersistentVolumeClaim", {"spec": {**spec, "volumeName": "v", "storageClassName": "c"}}, {"spec": spec}) == []
    assert said("PersistentVolumeClaim", {"spec": {**spec, "volumeName": "w"}}, {"spec": {**spec, "volumeName": "v"}})


def test_a_volume_has_one_source_that_stays() -> None:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    assert said("PersistentVolume", {"spec": spec}) == ["spec: Required value: must specify a volume type"]
    one = {**spec, "hostPath": {"path": "/x"}}
    assert said("PersistentVolume", {"spec": {**one, "nfs": {"server": "s", "path": "/"}}}) == [
        "spec.nfs: Forbidden: may not specify more than 1 volume type"
    ]
    moved = said("PersistentVolume", {"spec": {**spec, "hostPath": {"path": "/y"}}}, {"spec": one})
    assert moved[0].startswith("spec.persistentvolumesource: Forbidden")


def test_a_volumes_phase_change_is_stamped() -> None:
    stamp = STAMPS["PersistentVolume"]
    old = {"status": {"phase": "Pending", "lastPhaseTransitionTime": NOW}}
    same, other = {"status": {"phase": "Pending"}}, {"status": {"phase": "Bound"}}
    stamp(same, old, LATER)
    stamp(other, old, LATER)
    assert (same["status"]["lastPhaseTransitionTime"], other["status"]["lastPhaseTransitionTime"]) == (NOW, LATER)


def test_system_priorities_are_the_systems() -> None:
    kind = "PriorityClass.scheduling.k8s.io"
    mine = {"metadata": {"name": "system-mine"}, "value": 1}
    assert said(kind, mine)[0].endswith("error: system-mine is not a known system priority class")
    assert said(kind, {"metadata": {"name": "system-node-critical"}, "value": 2000001000}) == []
    assert said(kind, {"value": 1000000001}) == ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"]
    assert said(kind, {"value": 2}, {"value": 1}) == ["value: Forbidden: may not be changed in an update."]


def test_a_slices_address_type_stays() -> None:
    kind = "EndpointSlice.discovery.k8s.io"
    assert said(kind, {"addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}]}) == [
        'endpoints[0].addresses: Invalid value: "::1": must be an IPv4 address',
        'endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ]
    assert said(kind, {"addressType": "IPv6"}, {"addressType": "IPv4"}) == ['addressType: Invalid value: "IPv6": field is immutable']


def test_approval_changes_conditions_and_status_leaves_decisions() -> None:
    approved = {"type": "Approved", "status": "True"}
    old: Obj = {"metadata": META, "spec": {"usages": ["any"]}, "status": {"certificate": "eA=="}}
    draft: Obj = {"metadata": META, "spec": {}, "status": {"conditions": [approved], "certificate": "eQ=="}}
    prepare_approval(draft, old)
    assert draft == {**old, "status": {"certificate": "eA==", "conditions": [approved]}}
    STAMPS["CertificateSigningRequest.certificates.k8s.io"](draft, old, NOW)
    assert draft["status"]["conditions"][0]["lastTransitionTime"] == NOW


def test_a_definition_is_named_after_what_it_defines() -> None:
    kind = "CustomResourceDefinition.apiextensions.k8s.io"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    spec = {"group": "example.com", "scope": "Namespaced", "names": {"plural": "ws", "kind": "W"}, "versions": [version]}
    assert said(kind, {"metadata": {"name": "ws.example.com"}, "spec": spec}) == []
    assert said(kind, {"metadata": {"name": "x"}, "spec": spec})[0].endswith('must be spec.names.plural+"."+spec.group')
    two = {**spec, "versions": [version, {**version, "name": "v2"}]}
    assert said(kind, {"metadata": {"name": "ws.example.com"}, "spec": two})[0].endswith(
        "must have exactly one version marked as storage version"
    )


def test_a_webhook_says_its_side_effects_and_where_it_is() -> None:
    kind = "ValidatingWebhookConfiguration.admissionregistration.k8s.io"
    hook = {"name": "a.b.c", "clientConfig": {"url": "https://x"}, "admissionReviewVersions": ["v1"], "sideEffects": "None"}
    assert said(kind, {"webhooks": [hook]}) == []
    assert said(kind, {"webhooks": [{**hook, "clientConfig": {}, "sideEffects": None}]}) == [
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
    ]
