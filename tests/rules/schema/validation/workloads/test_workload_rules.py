"""Rules of the workloads of `apps` and of ReplicationControllers that the recordings do not show."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.rules.schema.validation.workloads.workload_writes import (
    NS,
    created,
    obj,
    stored,
    strategy,
    template,
    texts,
    updated,
    with_status,
)
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj

ALWAYS = 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'
MISMATCH = 'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'
NEGATIVE = "Invalid value: -1: must be greater than or equal to 0"
DAEMON_TYPES = 'supported values: "RollingUpdate", "OnDelete"'
RC = {"selector": {"app": "a"}, "template": template()}


def rc(**spec: Any) -> Obj:
    return obj("ReplicationController", "v1", **{**RC, **spec})


def errors_of(kind: str, **spec: Any) -> list[str]:
    return texts(created(obj(kind, **spec))[1])


def rolling(**values: Any) -> Obj:
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": values}}


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("ReplicaSet", {"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
        ("ReplicaSet", {"selector": {"matchLabels": {"a": "b"}}}, [MISMATCH]),
        ("ReplicaSet", {"template": template(restartPolicy="Never")}, [ALWAYS]),
        ("ReplicaSet", {"minReadySeconds": -1}, [f"spec.minReadySeconds: {NEGATIVE}"]),
        (
            "ReplicaSet",
            {"template": template(activeDeadlineSeconds=5)},
            ["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"],
        ),
        (
            "Deployment",
            {"selector": {"matchLabels": {"app": "a"}, "matchExpressions": [{"operator": "Nosuch", "key": "app"}]}},
            [
                'spec.selector.matchExpressions[0].operator: Invalid value: "Nosuch": not a valid selector operator',
                'spec.selector: Invalid value: {"matchLabels":{"app":"a"},"matchExpressions":[{"key":"app","operator":"Nosuch"}]}: '
                "invalid label selector",
            ],
        ),
        ("DaemonSet", {"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"]),
        ("DaemonSet", {"selector": None}, [MISMATCH]),
        (
            "DaemonSet",
            rolling(maxUnavailable=1, maxSurge="10%"),
            ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "10%": may not be set when maxUnavailable is non-zero'],
        ),
        (
            "DaemonSet",
            rolling(maxUnavailable=0),
            ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
        ),
        (
            "DaemonSet",
            {"updateStrategy": {"type": "Recreate"}},
            [f'spec.updateStrategy: Unsupported value: {{"Type":"Recreate","RollingUpdate":null}}: {DAEMON_TYPES}'],
        ),
        (
            "StatefulSet",
            {"podManagementPolicy": "Random"},
            ["spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'"],
        ),
        (
            "StatefulSet",
            {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            [
                'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: '
                "only allowed for updateStrategy 'RollingUpdate'"
            ],
        ),
        (
            "StatefulSet",
            {"updateStrategy": {"type": "Recreate"}},
            ['spec.updateStrategy: Invalid value: {"Type":"Recreate","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\''],
        ),
        ("StatefulSet", rolling(partition=-1), [f"spec.updateStrategy.rollingUpdate.partition: {NEGATIVE}"]),
        ("StatefulSet", {"ordinals": {"start": -1}}, [f"spec.ordinals.start: {NEGATIVE}"]),
        ("StatefulSet", {"template": template(restartPolicy="Never")}, [ALWAYS]),
        (
            "StatefulSet",
            {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Keep"}},
            ['spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Keep": supported values: "Retain", "Delete"'],
        ),
        (
            "StatefulSet",
            {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]},
            ["spec.volumeClaimTemplates[0].spec.resources[storage]: Required value"],
        ),
        ("StatefulSet", {"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"]),
    ],
)
def test_a_bad_spec_is_refused(kind: str, spec: Obj, expected: list[str]) -> None:
    assert errors_of(kind, **spec) == expected


def test_a_controller_needs_a_selector_and_a_template() -> None:
    body = obj("ReplicationController", "v1", replicas=-1)
    expected = ["spec.selector: Required value", f"spec.replicas: {NEGATIVE}", "spec.template: Required value"]
    assert texts(created(body)[1]) == expected


def test_a_controller_takes_selector_and_labels_from_its_template() -> None:
    draft, errors = created(obj("ReplicationController", "v1", template=template()))
    assert errors == []
    assert draft["spec"]["selector"] == draft["metadata"]["labels"] == {"app": "a"}


def test_the_name_of_a_stateful_set_is_a_label() -> None:
    assert [e.field for e in created(obj("StatefulSet", name="a.b"))[1]] == ["metadata.name"]
    assert created(obj("Deployment", name="a.b"))[1] == []


def test_an_update_with_a_strategy_by_name_needs_no_parameters() -> None:
    draft, _ = created(obj("StatefulSet", updateStrategy={"type": "RollingUpdate"}))
    assert draft["spec"]["updateStrategy"] == {"type": "RollingUpdate"}


def test_max_unavailable_of_a_stateful_set_is_dropped() -> None:
    draft, _ = created(obj("StatefulSet", **rolling(maxUnavailable=2)))
    assert draft["spec"]["updateStrategy"]["rollingUpdate"] == {"partition": 0}


def test_claims_of_a_stateful_set_are_volumes_of_its_pods() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    mount = {"name": "data", "mountPath": "/data"}
    pods = template(containers=[{"name": "c", "image": "nginx", "volumeMounts": [mount]}])
    old = stored(obj("StatefulSet", volumeClaimTemplates=[claim], template=pods))
    made = old["spec"]["volumeClaimTemplates"][0]
    assert (made["apiVersion"], made["kind"], made["status"]) == ("v1", "PersistentVolumeClaim", {"phase": "Pending"})


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "DaemonSet"])
def test_a_selector_does_not_change(kind: str) -> None:
    old = stored(obj(kind))
    body = obj(kind, selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]})
    shown = '{"matchExpressions":[{"key":"app","operator":"Exists"}]}'
    assert texts(updated(old, body)[1]) == [f"spec.selector: Invalid value: {shown}: field is immutable"]


def test_a_stateful_set_changes_in_few_fields() -> None:
    old = stored(obj("StatefulSet"))
    fine = obj("StatefulSet", replicas=5, minReadySeconds=3, ordinals={"start": 2}, revisionHistoryLimit=1, template=template())
    assert updated(old, fine)[1] == []
    text = (
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
        "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
    assert texts(updated(old, obj("StatefulSet", serviceName="other"))[1]) == [text]


def test_a_stateful_set_that_was_bad_before_may_stay_so() -> None:
    old = stored(obj("StatefulSet"))
    bad, worse = template(), template()
    bad["spec"]["containers"][0]["image"] = ""
    worse["spec"]["containers"][0] |= {"image": "", "workingDir": "/"}
    refused = ["spec.template.spec.containers[0].image: Required value"]
    assert texts(updated(old, obj("StatefulSet", template=bad))[1]) == refused
    old["spec"]["template"]["spec"]["containers"][0]["image"] = ""
    assert updated(old, obj("StatefulSet", template=worse))[1] == []


def test_the_data_of_a_revision_is_fixed() -> None:
    body = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "r"}, "data": {"a": 1}, "revision": 1}
    old = stored(body)
    assert updated(old, {**body, "revision": 2})[1] == []
    assert texts(updated(old, {**body, "data": {"a": 2}})[1]) == ['data: Invalid value: {"a":2}: field is immutable']
    assert texts(created({**body, "data": None})[1]) == ["data: Required value: data is mandatory"]
    assert texts(created({**body, "data": [1]})[1]) == ["data: Required value: data must be a valid JSON object"]


def test_the_generation_of_a_deployment_grows_with_spec_and_annotations_not_with_labels() -> None:
    old = stored(obj("Deployment"))
    labelled, annotated = copy.deepcopy(old), copy.deepcopy(old)
    labelled["metadata"]["labels"] = {"x": "y"}
    annotated["metadata"]["annotations"] = {"x": "y"}
    generations = [updated(old, b)[0]["metadata"]["generation"] for b in (old, labelled, annotated, obj("Deployment", replicas=3))]
    assert generations == [1, 1, 2, 2]


def template_generation(draft: Obj) -> str:
    return str(draft["metadata"]["annotations"]["deprecated.daemonset.template.generation"])


def test_the_template_generation_of_a_daemon_set_grows_with_the_template_alone() -> None:
    old = stored(obj("DaemonSet"))
    assert template_generation(old) == "1"
    body = obj("DaemonSet", minReadySeconds=5)
    body["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "7"}
    assert template_generation(updated(old, body)[0]) == "1"
    assert template_generation(updated(old, obj("DaemonSet", template=template(hostNetwork=True)))[0]) == "2"


def test_a_template_generation_is_a_number() -> None:
    body = obj("DaemonSet")
    body["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "x"}
    with pytest.raises(BadRequest, match=r'cannot be handled as a DaemonSet: strconv\.ParseInt: parsing "x": invalid syntax'):
        created(body)


def test_nobody_sets_status_with_the_spec() -> None:
    body = obj("Deployment")
    body["status"] = {"replicas": 3}
    old = stored(body)
    assert old["status"] == {}
    assert updated(old, body)[0]["status"] == {}


def test_a_status_write_of_a_deployment_keeps_spec_and_labels() -> None:
    old = stored(obj("Deployment"))
    draft = copy.deepcopy(old)
    draft["metadata"]["labels"] = {"x": "y"}
    draft["spec"]["replicas"] = 9
    draft["status"] = {"replicas": 1}
    strategy(old).prepare_status(draft, old)
    assert draft == {**old, "status": {"replicas": 1}}


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (
            "Deployment",
            {"replicas": 1, "readyReplicas": 2},
            ["status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"],
        ),
        (
            "Deployment",
            {"replicas": 2, "availableReplicas": 1},
            ["status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas"],
        ),
        (
            "StatefulSet",
            {"replicas": 2, "availableReplicas": 1},
            ["status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas"],
        ),
        (
            "ReplicaSet",
            {"replicas": 1, "fullyLabeledReplicas": 2},
            ["status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas"],
        ),
        ("DaemonSet", {"numberReady": -1}, [f"status.numberReady: {NEGATIVE}"]),
        ("Deployment", {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3}, []),
    ],
)
def test_a_status_adds_up(kind: str, status: Obj, expected: list[str]) -> None:
    assert texts(with_status(stored(obj(kind)), **status)[1]) == expected


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_collision_count_never_falls(kind: str) -> None:
    old = stored(obj(kind))
    old["status"]["collisionCount"] = 2
    _, errors = with_status(old, collisionCount=1)
    assert texts(errors) == ["status.collisionCount: Invalid value: 1: cannot be decremented"]


def test_a_name_that_is_no_label_is_warned_about_once() -> None:
    old = stored(obj("Deployment", name="a.b"))
    (text,) = strategy(old).warnings(old, None)
    assert text.startswith(
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: ["
    )
    changed, _ = updated(old, obj("Deployment", name="a.b", replicas=7))
    assert strategy(old).warnings(changed, old) == []


def test_a_negative_history_limit_of_a_stateful_set_is_warned_about() -> None:
    draft, errors = created(obj("StatefulSet", revisionHistoryLimit=-1))
    assert errors == []
    expected = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
    assert strategy(draft).warnings(draft, None) == [expected]


def test_a_fraction_of_a_byte_is_warned_about() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}}}
    draft, _ = created(obj("StatefulSet", volumeClaimTemplates=[claim]))
    expected = 'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'
    assert strategy(draft).warnings(draft, None) == [expected]


def test_a_pod_template_is_defaulted_and_counts_its_changes() -> None:
    body = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "t"}, "template": template()}
    old = stored(body)
    assert old["template"]["spec"]["restartPolicy"] == "Always"
    changed, errors = updated(old, {**body, "template": template(restartPolicy="Never")})
    assert errors == []
    assert changed["metadata"] == {**old["metadata"], "namespace": NS, "generation": 2}


def test_replicas_of_a_controller_can_be_selected() -> None:
    field = strategy(rc()).fields["status.replicas"]
    assert (field({"status": {"replicas": 3}}), field({})) == ("3", "0")


def test_a_rollback_that_is_asked_for_by_annotation_is_a_number() -> None:
    body = obj("Deployment")
    body["metadata"]["annotations"] = {"deprecated.deployment.rollback.to": "-1"}
    assert texts(created(body)[1]) == [f"spec.rollback.version: {NEGATIVE}"]
    body["metadata"]["annotations"] = {"deprecated.deployment.rollback.to": ""}
    assert "annotations" not in stored(body)["metadata"]
