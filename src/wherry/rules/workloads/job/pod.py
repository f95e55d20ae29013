"""The pods that a Job creates: from its template, tracked, and with their index for an Indexed Job.

Called by `plan`. A pod of an index knows it by annotation, label, host name, its own name and the variable JOB_COMPLETION_INDEX; with a
limit per index it also carries how often its index has failed. Source: pkg/controller/job manageJob, addCompletionIndex*,
addIndexFailureCountAnnotation, podGenerateNameWithIndex.
"""

from __future__ import annotations

import msgspec

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.job import tracked
from wherry.rules.workloads.job.failure_policy import judge
from wherry.rules.workloads.job.finished import limits_each_index
from wherry.rules.workloads.replicaset.template import pod_from_template

VARIABLE = "JOB_COMPLETION_INDEX"
_LONGEST_BASE = 58  # a label's 63 characters less 5 random ones


def new_pod(job: Obj, suffix: str) -> Obj:
    pod = pod_from_template(_copy(job["spec"]["template"]), job, suffix)
    finalizers = pod["metadata"].setdefault("finalizers", [])
    if tracked.FINALIZER not in finalizers:
        finalizers.append(tracked.FINALIZER)
    return pod


def new_indexed_pod(job: Obj, index: int, replaces: Obj | None, suffix: str) -> Obj:
    """`replaces`: the failed pod of the index that waits for this one."""
    pod = new_pod(job, suffix)
    metadata, spec = pod["metadata"], pod["spec"]
    prefix = name_prefix(objects.name(job), index)
    metadata.update(generateName=prefix, name=prefix + suffix)
    metadata.setdefault("annotations", {})[tracked.INDEX] = str(index)
    metadata.setdefault("labels", {})[tracked.INDEX] = str(index)
    spec["hostname"] = f"{objects.name(job)}-{index}"
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        _tell_index(container)
    if limits_each_index(job):
        metadata["annotations"].update(_failures(job, replaces))
    return pod


def _copy(template: Obj) -> Obj:
    """What follows fills it in."""
    copy: Obj = msgspec.json.decode(msgspec.json.encode(template))  # several times quicker than copy.deepcopy
    return copy


def name_prefix(job_name: str, index: int) -> str:
    end = f"-{index}-"
    return job_name[: _LONGEST_BASE - len(end)] + end


def _tell_index(container: Obj) -> None:
    if not any(v.get("name") == VARIABLE for v in container.get("env") or ()):
        source = {"fieldRef": {"fieldPath": f"metadata.labels['{tracked.INDEX}']"}}
        container["env"] = [*(container.get("env") or ()), {"name": VARIABLE, "valueFrom": source}]


def _failures(job: Obj, replaces: Obj | None) -> dict[str, str]:
    if replaces is None:
        return {tracked.FAILURES: "0"}
    counts = judge(job["spec"].get("podFailurePolicy"), replaces).counts
    ignored = tracked.ignored_index_failures(replaces) + (not counts)
    found = {tracked.FAILURES: str(tracked.index_failures(replaces) + counts)}
    return {**found, tracked.IGNORED_FAILURES: str(ignored)} if ignored else found
