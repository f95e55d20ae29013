"""Defaults of pods and of the pod specs in templates.

Called through the strategies of pods and of every kind that has a pod template. Changes the private draft in place. Idempotent.
What only a pod gets (requests from limits, service links, host ports) is not written into templates.
Source: pkg/apis/core/v1/defaults.go SetDefaults_Pod, SetDefaults_PodSpec; conversion.go for the alias `serviceAccount`, a negative
grace period, `podIP` beside `podIPs`, and the annotations that init containers once were.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.schema.defaults.containers import default_container, default_resources, round_up
from wherry.rules.schema.defaults.pod_resources import default_pod_resources, requests_from_limits
from wherry.rules.schema.defaults.pod_volumes import default_pod_volume

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_INIT_ANNOTATIONS = tuple(
    f"pod.{stage}.kubernetes.io/init-container{what}" for stage in ("alpha", "beta") for what in ("s", "-statuses")
)


def default_pod(draft: Obj) -> None:
    _drop_annotations(draft.setdefault("metadata", {}))
    spec = draft.setdefault("spec", {})
    for kind in ("containers", "initContainers"):
        for container in spec.get(kind) or ():
            if resources := container.get("resources"):
                requests_from_limits(resources)
    if spec.get("resources") is not None:
        default_pod_resources(spec)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    if spec.get("hostNetwork"):
        _host_ports(spec)
    default_pod_spec(spec)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    _status(draft.get("status"))


def default_template_spec(template: Obj) -> None:
    """A pod template: `metadata` and `spec`."""
    _drop_annotations(template.setdefault("metadata", {}))
    default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Obj) -> None:
    if not spec.get("dnsPolicy"):
        spec["dnsPolicy"] = "ClusterFirst"
    if not spec.get("restartPolicy"):
        spec["restartPolicy"] = "Always"
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for volume in spec.get("volumes") or ():
        default_pod_volume(volume)
    for kind in _CONTAINERS:
        for container in spec.get(kind) or ():
            default_container(container)
    if overhead := spec.get("overhead"):
        round_up(overhead)
    if resources := spec.get("resources"):
        default_resources(resources)


def _host_ports(spec: Obj) -> None:
    for kind in ("containers", "initContainers"):
        for container in spec.get(kind) or ():
            for port in container.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]


def _drop_annotations(meta: Obj) -> None:
    annotations = meta.get("annotations")
    if annotations and any(name in annotations for name in _INIT_ANNOTATIONS):
        meta["annotations"] = {k: v for k, v in annotations.items() if k not in _INIT_ANNOTATIONS}


def _status(status: Obj | None) -> None:
    if not status:
        return
    for kind in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for entry in status.get(kind) or ():
            _amounts(entry)
    _amounts(status)
    _addresses(status)


def _addresses(status: Obj) -> None:
    """`podIP` is the first of `podIPs`; where they differ, the single one counts."""
    single, several = status.get("podIP"), status.get("podIPs")
    if single and (not several or several[0].get("ip") != single):
        status["podIPs"] = [{"ip": single}]
    elif several:
        status["podIP"] = several[0].get("ip") or ""


def _amounts(entry: Obj) -> None:
    if allocated := entry.get("allocatedResources"):
        round_up(allocated)
    if resources := entry.get("resources"):
        default_resources(resources)
