"""Rows of the workloads: Deployments, ReplicaSets, StatefulSets, DaemonSets, ReplicationControllers, ControllerRevisions.

Called through `tables.row`. Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj, controller_of
from wherry.rules.showing.tables.cells import NONE, age, containers, labels_text, name, selector_text, spec, status, template_spec
from wherry.rules.showing.tables.column import AGE, CONTAINERS, IMAGES, NAME, Printer, doc, integer, text, wide

_READY = text("Ready", "Number of the pod with ready state")


def _ready(obj: Obj) -> str:
    return f"{status(obj).get('readyReplicas', 0)}/{spec(obj).get('replicas', 0)}"


def _deployment(obj: Obj, now: float) -> list[Any]:
    state = status(obj)
    return [name(obj), _ready(obj), state.get("updatedReplicas", 0), state.get("availableReplicas", 0), age(obj, now),
            *containers(template_spec(obj)), selector_text(spec(obj).get("selector"), empty="", bad="<invalid>")]  # fmt: skip


def _counts(obj: Obj, now: float) -> list[Any]:
    state = status(obj)
    return [name(obj), spec(obj).get("replicas", 0), state.get("replicas", 0), state.get("readyReplicas", 0), age(obj, now),
            *containers(template_spec(obj))]  # fmt: skip


def _replica_set(obj: Obj, now: float) -> list[Any]:
    return [*_counts(obj, now), selector_text(spec(obj).get("selector"))]


def _replication_controller(obj: Obj, now: float) -> list[Any]:
    return [*_counts(obj, now), labels_text(spec(obj).get("selector"))]


def _stateful_set(obj: Obj, now: float) -> list[Any]:
    return [name(obj), _ready(obj), age(obj, now), *containers(template_spec(obj))]


def _daemon_set(obj: Obj, now: float) -> list[Any]:
    state, template = status(obj), template_spec(obj)
    numbers = [state.get(k, 0) for k in ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
                                         "numberAvailable")]  # fmt: skip
    return [name(obj), *numbers, labels_text(template.get("nodeSelector")), age(obj, now), *containers(template),
            selector_text(spec(obj).get("selector"))]  # fmt: skip


def _controller_revision(obj: Obj, now: float) -> list[Any]:
    ref, controller = controller_of(obj), NONE
    if ref is not None:
        group, slash, _ = ref.get("apiVersion", "").rpartition("/")
        kind = ref.get("kind", "") + (f".{group}" if slash else "")
        controller = f"{kind.lower()}/{ref.get('name', '')}"
    return [name(obj), controller, obj.get("revision", 0), age(obj, now)]


def _count_columns(type_: str) -> tuple[Any, ...]:
    return (
        NAME,
        integer("Desired", doc(f"{type_}Spec", "replicas")),
        integer("Current", doc(f"{type_}Status", "replicas")),
        integer("Ready", doc(f"{type_}Status", "readyReplicas")),
        AGE,
        CONTAINERS,
        IMAGES,
        wide("Selector", doc(f"{type_}Spec", "selector")),
    )


PRINTERS = {
    "Deployment.apps": Printer(
        (
            NAME,
            _READY,
            text("Up-to-date", doc("apps.v1.DeploymentStatus", "updatedReplicas")),
            text("Available", doc("apps.v1.DeploymentStatus", "availableReplicas")),
            AGE,
            CONTAINERS,
            IMAGES,
            wide("Selector", doc("apps.v1.DeploymentSpec", "selector")),
        ),
        _deployment,
    ),
    "ReplicaSet.apps": Printer(_count_columns("apps.v1.ReplicaSet"), _replica_set),
    "ReplicationController": Printer(_count_columns("core.v1.ReplicationController"), _replication_controller),
    "StatefulSet.apps": Printer((NAME, _READY, AGE, CONTAINERS, IMAGES), _stateful_set),
    "DaemonSet.apps": Printer(
        (
            NAME,
            integer("Desired", doc("apps.v1.DaemonSetStatus", "desiredNumberScheduled")),
            integer("Current", doc("apps.v1.DaemonSetStatus", "currentNumberScheduled")),
            integer("Ready", doc("apps.v1.DaemonSetStatus", "numberReady")),
            integer("Up-to-date", doc("apps.v1.DaemonSetStatus", "updatedNumberScheduled")),
            integer("Available", doc("apps.v1.DaemonSetStatus", "numberAvailable")),
            text("Node Selector", doc("core.v1.PodSpec", "nodeSelector")),
            AGE,
            CONTAINERS,
            IMAGES,
            wide("Selector", doc("apps.v1.DaemonSetSpec", "selector")),
        ),
        _daemon_set,
    ),
    "ControllerRevision.apps": Printer(
        (NAME, text("Controller", "Controller of the object"), text("Revision", doc("apps.v1.ControllerRevision", "revision")), AGE),
        _controller_revision,
    ),
}
