"""Jobs on a real registry with the Job controllers, on virtual time; the pods do what the story says."""

from __future__ import annotations

from typing import Any

from tests.worlds.registry import PODS, Cluster
from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.controllers.job import JobController
from wherry.controllers.ttl_after_finished import TTLAfterFinishedController
from wherry.reconcile import Controller, Parts

JOBS = resource("jobs", "batch")


def controllers(parts: Parts) -> list[Controller]:
    return [JobController(parts), TTLAfterFinishedController(parts)]


def manifest(name: str = "work", restart_policy: str = "Never", **spec: Any) -> Obj:
    containers = [{"name": "main", "image": "busybox", "command": ["true"]}]
    template = {"spec": {"containers": containers, "restartPolicy": restart_policy}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template, **spec}}


async def create(cluster: Cluster, **spec: Any) -> Obj:
    made = await cluster.client.create(JOBS, "default", manifest(**spec))
    await cluster.settle()
    return made


async def the_job(cluster: Cluster, name: str = "work") -> Obj:
    return await cluster.client.get(JOBS, "default", name)


async def active(cluster: Cluster) -> list[Obj]:
    """The pods that run or will, oldest name first."""
    pods = [p for p in await cluster.all(PODS) if not objects.is_deleting(p) and phase(p) not in ("Succeeded", "Failed")]
    return sorted(pods, key=objects.name)


def phase(pod: Obj) -> str:
    return str(pod["status"].get("phase", ""))


async def bind(cluster: Cluster, pod: Obj) -> None:
    name = objects.name(pod)
    binding: Obj = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": "node-1"}}
    await cluster.client.create(PODS, "default", binding, name=name, subresource="binding")


async def run(cluster: Cluster, pod: Obj, *, ready: bool = True, restarts: int = 0) -> Obj:
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": timestamps.time(cluster.clock.now())}
    container = {
        "name": "main", "image": "busybox", "imageID": "", "ready": ready, "restartCount": restarts,
        "state": {"running": {"startedAt": timestamps.time(cluster.clock.now())}},
    }  # fmt: skip
    return await _write(cluster, pod, phase="Running", conditions=[condition], containerStatuses=[container])


async def end(cluster: Cluster, pod: Obj, exit_code: int = 0, *conditions: str) -> Obj:
    at = timestamps.time(cluster.clock.now())
    terminated = {"exitCode": exit_code, "startedAt": at, "finishedAt": at, "reason": "Error" if exit_code else "Completed"}
    container = {"name": "main", "image": "busybox", "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": terminated}}
    said = [{"type": each, "status": "True", "lastTransitionTime": at} for each in conditions]
    said.append({"type": "Ready", "status": "False", "lastTransitionTime": at})
    return await _write(cluster, pod, phase="Failed" if exit_code else "Succeeded", conditions=said, containerStatuses=[container])


async def _write(cluster: Cluster, pod: Obj, **status: Any) -> Obj:
    fresh = await cluster.client.get(PODS, "default", objects.name(pod))
    return await cluster.client.update(PODS, {**fresh, "status": {**fresh["status"], **status}}, subresource="status")


async def bury(cluster: Cluster) -> None:
    """What kubelets and the pod garbage collector do: deleted pods end, then go."""
    for pod in await cluster.all(PODS):
        if objects.is_deleting(pod):
            if phase(pod) not in ("Succeeded", "Failed"):
                await _write(cluster, pod, phase="Failed")
            await cluster.client.delete(PODS, "default", objects.name(pod), DeleteOptions(grace_period_seconds=0))


def conditions(job: Obj) -> list[tuple[str, str]]:
    return [(c["type"], c.get("reason", "")) for c in job["status"].get("conditions", ()) if c["status"] == "True"]


def counts(job: Obj) -> tuple[int, int, int]:
    """active, succeeded, failed"""
    status = job["status"]
    return status.get("active", 0), status.get("succeeded", 0), status.get("failed", 0)
