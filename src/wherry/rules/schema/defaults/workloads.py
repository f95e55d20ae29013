"""Defaults of PodTemplate, ReplicationController, Deployment, ReplicaSet, StatefulSet, DaemonSet and ControllerRevision.

Called through the strategies on every object that comes in, pod templates included. Idempotent. Two values that the reference keeps in
its own type and writes as annotations (a DaemonSet's template generation, a Deployment's revision to go back to) are brought to the
form in which they are written.
Source: pkg/apis/apps/v1/{defaults,conversion}.go, pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

import re

from wherry.api.errors import BadRequest
from wherry.api.field import show
from wherry.api.objects import Obj
from wherry.rules.schema.defaults.pod import default_template_spec
from wherry.rules.schema.defaults.storage import default_claim

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
HISTORY = 10
_INTEGER = re.compile(r"[+-]?[0-9]+")


def fill(target: Obj, **values: object) -> None:
    """Give fields that are absent or null these values."""
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def _spec(draft: Obj) -> Obj:
    spec = draft.get("spec")
    if spec is None:
        spec = draft["spec"] = {}
    return spec


def default_template(owner: Obj) -> None:
    """`owner.template`, which is always written."""
    template = owner.get("template")
    if template is None:
        template = owner["template"] = {}
    fill(template, metadata={}, spec={})
    default_template_spec(template)


def _status(draft: Obj, *counts: str) -> None:
    """The counts that are written even when 0."""
    draft["status"] = {**dict.fromkeys(counts, 0), **(draft.get("status") or {})}


REPLICA_COUNTS = ("replicas",)
STATEFUL_COUNTS = ("replicas", "availableReplicas")
DAEMON_COUNTS = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")


def integer_annotation(draft: Obj, key: str) -> int | None:
    """The annotation as a number; None when it is absent. Raises BadRequest when it is no number."""
    text = (draft.get("metadata", {}).get("annotations") or {}).get(key)
    if text is None:
        return None
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is not None and -(2**63) <= number < 2**63:
        return number
    why = "invalid syntax" if number is None else "value out of range"
    fault = f"strconv.ParseInt: parsing {show(text)}: {why}"
    if key == ROLLBACK_TO:
        fault = f"failed to parse annotation[{key}]={text} as int64: {fault}"
    raise BadRequest(f'{draft["kind"]} in version "v1" cannot be handled as a {draft["kind"]}: {fault}')


def default_pod_template(draft: Obj) -> None:
    default_template(draft)


def default_replication_controller(draft: Obj) -> None:
    """Labels of the template are those of the controller, and its selector, when it has none."""
    spec = _spec(draft)
    fill(spec, replicas=1)
    if spec.get("template") is not None:
        default_template(spec)
        labels = spec["template"]["metadata"].get("labels")
        if labels and not spec.get("selector"):
            spec["selector"] = dict(labels)
        if labels and not draft["metadata"].get("labels"):
            draft["metadata"]["labels"] = dict(labels)
    _status(draft, *REPLICA_COUNTS)


def default_replica_set(draft: Obj) -> None:
    spec = _spec(draft)
    fill(spec, replicas=1)
    default_template(spec)
    _status(draft, *REPLICA_COUNTS)


def default_deployment(draft: Obj) -> None:
    spec = _spec(draft)
    fill(spec, replicas=1, strategy={}, revisionHistoryLimit=HISTORY, progressDeadlineSeconds=600)
    strategy = spec["strategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        fill(strategy, rollingUpdate={})
        fill(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")
    default_template(spec)
    _status(draft)
    _rollback(draft)


def _rollback(draft: Obj) -> None:
    meta = draft["metadata"]
    annotations = meta.get("annotations") or {}
    if ROLLBACK_TO not in annotations:
        return
    if annotations[ROLLBACK_TO]:
        annotations[ROLLBACK_TO] = str(integer_annotation(draft, ROLLBACK_TO))
    elif kept := {k: v for k, v in annotations.items() if k != ROLLBACK_TO}:
        meta["annotations"] = kept
    else:
        del meta["annotations"]


def default_stateful_set(draft: Obj) -> None:
    spec = _spec(draft)
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    _stateful_strategy(spec)
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    kept = {k: v for k, v in retention.items() if v}
    spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Retain", "whenScaled": "Retain", **kept}
    fill(spec, replicas=1, revisionHistoryLimit=HISTORY, serviceName="")
    default_template(spec)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim |= {"kind": "PersistentVolumeClaim", "apiVersion": "v1"}
        fill(claim, metadata={})
        default_claim(claim)
    _status(draft, *STATEFUL_COUNTS)


def _stateful_strategy(spec: Obj) -> None:
    """A rolling update that was asked for by name need not have parameters; maxUnavailable has no default (KEP-961 is off)."""
    fill(spec, updateStrategy={})
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        fill(strategy, rollingUpdate={})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        fill(strategy["rollingUpdate"], partition=0)


def default_daemon_set(draft: Obj) -> None:
    spec = _spec(draft)
    fill(spec, updateStrategy={}, revisionHistoryLimit=HISTORY)
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        fill(strategy, rollingUpdate={})
        fill(strategy["rollingUpdate"], maxUnavailable=1, maxSurge=0)
    if strategy.get("rollingUpdate") is not None:  # the reference's own type has numbers where this one may have nothing
        fill(strategy["rollingUpdate"], maxUnavailable=0, maxSurge=0)
    default_template(spec)
    set_template_generation(draft, integer_annotation(draft, TEMPLATE_GENERATION) or 0)
    _status(draft, *DAEMON_COUNTS)


def set_template_generation(draft: Obj, generation: int) -> None:
    meta = draft["metadata"]
    meta["annotations"] = {**(meta.get("annotations") or {}), TEMPLATE_GENERATION: str(generation)}


def default_controller_revision(draft: Obj) -> None:
    fill(draft, revision=0)
