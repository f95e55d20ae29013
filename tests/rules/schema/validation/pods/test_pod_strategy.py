"""What each write of a pod keeps, and what a field selector sees."""

from __future__ import annotations

import copy
from typing import Any

from wherry.rules.kinds.pods import STRATEGIES, update_ephemeral_containers

POD = STRATEGIES["Pod"]


def pod(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    meta = {"name": "p", "namespace": "ns", "ownerReferences": [{"name": "rs"}]}
    return {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "a"}], **spec}, "status": status or {}}


def test_the_main_resource_keeps_the_status() -> None:
    draft = pod({"phase": "Running"})
    POD.prepare_update(draft, pod({"phase": "Pending"}))
    assert draft["status"] == {"phase": "Pending"}


def test_a_status_write_keeps_spec_owners_class_and_observed_generations() -> None:
    condition = {"type": "Ready", "status": "True"}
    old = pod({"qosClass": "Burstable", "observedGeneration": 3, "conditions": [{**condition, "observedGeneration": 2}]})
    draft = pod({"phase": "Running", "conditions": [condition, {"type": "Other"}]}, nodeName="stolen")
    draft["metadata"].pop("ownerReferences")
    before = copy.deepcopy(old)
    POD.prepare_status(draft, old)
    assert draft["spec"] == old["spec"]
    assert draft["metadata"]["ownerReferences"] == [{"name": "rs"}]
    assert draft["status"] == {
        "phase": "Running", "qosClass": "Burstable", "observedGeneration": 3,
        "conditions": [{**condition, "observedGeneration": 2}, {"type": "Other"}],
    }  # fmt: skip
    assert old == before


def test_a_write_of_ephemeral_containers_changes_nothing_else() -> None:
    draft, old = pod({"phase": "Failed"}, nodeName="x", ephemeralContainers=[{"name": "e"}]), pod({"phase": "Running"}, nodeName="n")
    update_ephemeral_containers(draft, old)
    assert draft["spec"] == {**old["spec"], "ephemeralContainers": [{"name": "e"}]}
    assert draft["status"] == {"phase": "Running"}


def test_an_update_that_changes_nothing_has_no_errors() -> None:
    draft = pod()
    draft["metadata"]["labels"] = {"a": "b"}
    draft["metadata"].pop("ownerReferences")
    assert POD.validate_update(draft, pod()) == []


def test_fields_that_selectors_see() -> None:
    found = pod({"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}, nodeName="n", hostNetwork=True)
    seen = {name: read(found) for name, read in POD.fields.items()}
    assert seen == {
        "spec.nodeName": "n", "spec.restartPolicy": "", "spec.schedulerName": "", "spec.serviceAccountName": "",
        "spec.hostNetwork": "true", "status.phase": "Running", "status.podIP": "10.0.0.1", "status.nominatedNodeName": "",
        "spec.host": "n", "status.podIPs": "",
    }  # fmt: skip


def test_a_pod_on_no_node_goes_at_once() -> None:
    assert POD.grace is not None
    assert POD.grace(pod(terminationGracePeriodSeconds=30), None) == 0
    assert POD.grace(pod(terminationGracePeriodSeconds=30, nodeName="n"), None) == 30
