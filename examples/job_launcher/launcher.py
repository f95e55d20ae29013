"""Starts a Job with the official client, and waits for its end."""

from __future__ import annotations

from typing import Any

from kubernetes import client, watch


class Failed(Exception):
    """The Job has failed; the message is the cluster's reason."""


def launch(
    api: client.BatchV1Api, namespace: str, name: str, image: str, *, retries: int = 2, annotations: dict[str, str] | None = None
) -> None:
    """Returns when the Job is complete. Raises Failed."""
    pod: dict[str, Any] = {
        "metadata": {"annotations": annotations or {}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": image}]},
    }
    job: Any = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": retries, "template": pod}}
    api.create_namespaced_job(namespace, job)
    stream = watch.Watch()
    for event in stream.stream(api.list_namespaced_job, namespace, field_selector=f"metadata.name={name}", timeout_seconds=60):
        for condition in event["object"].status.conditions or ():
            if condition.status == "True" and condition.type in ("Complete", "Failed"):
                stream.stop()
                if condition.type == "Failed":
                    raise Failed(condition.reason)
                return
    raise TimeoutError(f"job {name} has not ended")
