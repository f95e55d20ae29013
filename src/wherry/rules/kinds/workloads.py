"""The strategies of the kinds with a pod template, and of ControllerRevisions; those of Jobs and CronJobs are joined in.

Read by the registry through `STRATEGIES`. No creator and no update of the main resource sets status; the generation grows with the spec,
of Deployments also with the annotations, which are copied to their ReplicaSets.
Source: pkg/registry/apps/*/strategy.go, pkg/registry/core/{replicationcontroller,podtemplate}/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj
from wherry.rules.kinds import jobs
from wherry.rules.kinds.pod_owners import name_warnings, owner_warnings, respecified, without_gated
from wherry.rules.objects.strategy import Strategy, keep_spec, keep_status
from wherry.rules.pods.container_warnings import fractional
from wherry.rules.pods.warnings import template_warnings
from wherry.rules.schema.defaults import workloads as defaults
from wherry.rules.schema.defaults.workloads import ROLLBACK_TO, TEMPLATE_GENERATION, integer_annotation, set_template_generation
from wherry.rules.schema.validation.workloads import daemonset, deployment, statefulset, workloads


def _with_status(*counts: str) -> Callable[[Obj], None]:
    """Begins with these counts at 0."""

    def prepare(draft: Obj) -> None:
        draft["status"] = dict.fromkeys(counts, 0)

    return prepare


def _replicas(obj: Obj) -> str:
    return str((obj.get("status") or {}).get("replicas", 0))


def _annotations_changed(new: Obj, old: Obj) -> bool:
    mine, before = (o["metadata"].get("annotations") or {} for o in (new, old))
    return bool(mine != before)


def _deployment_status(draft: Obj, old: Obj) -> None:
    """Labels stay too; so does the revision to go back to, which is part of the spec."""
    keep_spec(draft, old)
    meta, before = draft["metadata"], old["metadata"]
    if before.get("labels"):
        meta["labels"] = before["labels"]
    else:
        meta.pop("labels", None)
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != ROLLBACK_TO}
    if (revision := (before.get("annotations") or {}).get(ROLLBACK_TO)) is not None:
        annotations[ROLLBACK_TO] = revision
    if annotations:
        meta["annotations"] = annotations
    else:
        meta.pop("annotations", None)


def _new_stateful_set(draft: Obj) -> None:
    draft["status"] = dict.fromkeys(defaults.STATEFUL_COUNTS, 0)
    _drop_max_unavailable(draft, None)


def _update_stateful_set(draft: Obj, old: Obj) -> None:
    keep_status(draft, old)
    _drop_max_unavailable(draft, old)


def _rolling(obj: Obj) -> Obj:
    return (obj["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}


def _drop_max_unavailable(draft: Obj, old: Obj | None) -> None:
    """Of StatefulSets it is off in the reference (KEP-961), unless it was there before."""
    if old is None or _rolling(old).get("maxUnavailable") is None:
        _rolling(draft).pop("maxUnavailable", None)


def _new_daemon_set(draft: Obj) -> None:
    draft["status"] = dict.fromkeys(defaults.DAEMON_COUNTS, 0)
    set_template_generation(draft, max(1, integer_annotation(draft, TEMPLATE_GENERATION) or 0))


def _update_daemon_set(draft: Obj, old: Obj) -> None:
    keep_status(draft, old)
    set_template_generation(draft, _generation(old) + _new_template(draft, old))


def _daemon_set_status(draft: Obj, old: Obj) -> None:
    keep_spec(draft, old)
    set_template_generation(draft, _generation(old))


def _generation(obj: Obj) -> int:
    return integer_annotation(obj, TEMPLATE_GENERATION) or 0


def _new_template(new: Obj, old: Obj) -> bool:
    return bool(new["spec"].get("template") != old["spec"].get("template"))


def _daemon_set_warnings(new: Obj, old: Obj | None) -> list[str]:
    if old is not None and _generation(new) == _generation(old):
        return []
    return template_warnings(new["spec"].get("template") or {}, "spec.template")


def _stateful_set_warnings(new: Obj, old: Obj | None) -> list[str]:
    spec, path = new["spec"], "spec.volumeClaimTemplates"
    found = owner_warnings(name=False)(new, old)
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        at = f"{path}[{i}]" if old is None else f"{path}[{i}].Spec"
        found += _claim_warnings((claim.get("spec") or {}).get("resources") or {}, at)
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        found.append("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended")
    return found


def _claim_warnings(resources: Obj, path: str) -> list[str]:
    """Storage is counted in whole bytes."""
    found: list[str] = []
    for part in ("requests", "limits"):
        found += fractional(resources.get(part) or {}, f"{path}.resources.{part}", ("storage",))
    return found


def _controller_warnings(new: Obj, old: Obj | None) -> list[str]:
    """On an update the reference takes the templates the wrong way round, and warns about the old one."""
    if old is not None and not respecified(new, old):
        return []
    template = (new if old is None else old)["spec"].get("template")
    found = name_warnings(new) if old is None else []
    return found if template is None else found + template_warnings(template, "spec.template")


def _pod_template_warnings(new: Obj, old: Obj | None) -> list[str]:
    if old is not None and not respecified(new, old):
        return []
    return template_warnings(new.get("template") or {}, "template")


_STRATEGIES: dict[str, Strategy] = {
    "Deployment.apps": Strategy(
        default=defaults.default_deployment,
        prepare_create=_with_status(),
        prepare_update=keep_status,
        prepare_status=_deployment_status,
        validate=deployment.validate_deployment,
        validate_update=deployment.validate_deployment_update,
        validate_status=deployment.validate_deployment_status,
        warnings=owner_warnings(name=True),
        generation=True,
        raises_generation=_annotations_changed,
    ),
    "ReplicaSet.apps": Strategy(
        default=defaults.default_replica_set,
        prepare_create=_with_status(*defaults.REPLICA_COUNTS),
        prepare_update=keep_status,
        validate=workloads.validate_replica_set,
        validate_update=workloads.validate_replica_set_update,
        validate_status=workloads.replica_status,
        warnings=owner_warnings(name=True),
        generation=True,
    ),
    "StatefulSet.apps": Strategy(
        default=defaults.default_stateful_set,
        prepare_create=_new_stateful_set,
        prepare_update=_update_stateful_set,
        validate=statefulset.validate_stateful_set,
        validate_update=statefulset.validate_stateful_set_update,
        validate_status=statefulset.validate_stateful_set_status,
        warnings=_stateful_set_warnings,
        generation=True,
        name_rule="label",
    ),
    "DaemonSet.apps": Strategy(
        default=defaults.default_daemon_set,
        prepare_create=_new_daemon_set,
        prepare_update=_update_daemon_set,
        prepare_status=_daemon_set_status,
        validate=daemonset.validate_daemon_set,
        validate_update=daemonset.validate_daemon_set_update,
        validate_status=daemonset.validate_daemon_set_status,
        warnings=_daemon_set_warnings,
        generation=True,
    ),
    "ControllerRevision.apps": Strategy(
        default=defaults.default_controller_revision,
        validate=workloads.validate_revision,
        validate_update=workloads.validate_revision_update,
    ),
    "ReplicationController": Strategy(
        default=defaults.default_replication_controller,
        prepare_create=_with_status(*defaults.REPLICA_COUNTS),
        prepare_update=keep_status,
        validate=workloads.validate_replication_controller,
        validate_update=workloads.validate_replication_controller_update,
        validate_status=workloads.replica_status,
        warnings=_controller_warnings,
        generation=True,
        name_rule="long",
        default_propagation="Orphan",
        fields={"status.replicas": _replicas},
    ),
    "PodTemplate": Strategy(
        default=defaults.default_pod_template,
        validate=workloads.validate_pod_template,
        validate_update=workloads.validate_pod_template_update,
        warnings=_pod_template_warnings,
        generation=True,
        delete_returns_object=True,
    ),
}

#: where the template of a kind is
_TEMPLATES = {
    "Deployment.apps": ("spec",),
    "ReplicaSet.apps": ("spec",),
    "StatefulSet.apps": ("spec",),
    "DaemonSet.apps": ("spec",),
    "ReplicationController": ("spec",),
    "PodTemplate": (),
}

STRATEGIES: dict[str, Strategy] = {
    kind: without_gated(strategy, *_TEMPLATES[kind]) if kind in _TEMPLATES else strategy for kind, strategy in _STRATEGIES.items()
} | jobs.STRATEGIES
