"""Writes of workloads without a registry: default, prepare, validate, as the registry calls them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from wherry.api.errors import Cause
from wherry.api.objects import Obj
from wherry.api.resources import TABLE, Resource
from wherry.rules.kinds.workloads import STRATEGIES
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation.write import create_errors, status_errors, update_errors

GOLDEN = Path(__file__).parents[4] / "golden" / "api"
NS, UID, NOW = "ns-1", "0c5f0a4e-1111-4222-8333-444455556666", "2026-01-02T03:04:05Z"
CONTAINER = {"name": "c", "image": "nginx:1.21"}


def load(group: str) -> list[Obj]:
    text = (GOLDEN / f"{group}.jsonl").read_text().replace("<NS>", NS)
    return [json.loads(line) for line in text.splitlines()]


def row(body: Obj) -> Resource:
    found = TABLE.by_kind(body["apiVersion"], body["kind"])
    assert found is not None
    return found


def strategy(body: Obj) -> Strategy:
    return STRATEGIES[row(body).group_kind]


def template(**spec: Any) -> Obj:
    return {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [dict(CONTAINER)], **spec}}


def obj(kind: str, api_version: str = "apps/v1", name: str = "x", **spec: Any) -> Obj:
    if kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"):
        spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template(), **spec}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def job(**spec: Any) -> Obj:
    return obj("Job", "batch/v1", **{"template": template(restartPolicy="Never"), **spec})


def cron_job(schedule: str, **spec: Any) -> Obj:
    return obj("CronJob", "batch/v1", schedule=schedule, jobTemplate={"spec": {"template": template(restartPolicy="Never")}}, **spec)


def created(body: Obj) -> tuple[Obj, list[Cause]]:
    """What a create makes of a body, and what is wrong with it."""
    rules, draft = strategy(body), copy.deepcopy(body)
    draft.setdefault("metadata", {})
    draft["metadata"]["namespace"] = NS
    rules.default(draft)
    draft["metadata"] |= {"uid": UID, "creationTimestamp": NOW}
    if rules.generation:
        draft["metadata"]["generation"] = 1
    rules.prepare_create(draft)
    errors = create_errors(rules, draft, namespaced=True)
    rules.canonicalize(draft)
    return draft, errors


def stored(body: Obj) -> Obj:
    draft, errors = created(body)
    assert errors == []
    draft["metadata"]["resourceVersion"] = "1"
    return json.loads(json.dumps(draft))


def updated(old: Obj, body: Obj) -> tuple[Obj, list[Cause]]:
    """What an update of the main resource makes of a body."""
    rules, draft = strategy(old), copy.deepcopy(body)
    _system(draft, old)
    rules.default(draft)
    rules.prepare_update(draft, old)
    changed = any(draft.get(k) != old.get(k) for k in {*draft, *old} - {"metadata", "status", "kind", "apiVersion"})
    if "generation" in old["metadata"] and (changed or rules.raises_generation(draft, old)):
        draft["metadata"]["generation"] += 1
    return draft, update_errors(rules, draft, old, namespaced=True)


def with_status(old: Obj, **status: Any) -> tuple[Obj, list[Cause]]:
    """What a write of `/status` makes of the old object with these fields of its status replaced."""
    rules, draft = strategy(old), copy.deepcopy(old)
    draft["status"] = {**draft.get("status", {}), **status}
    rules.default(draft)
    rules.prepare_status(draft, old)
    return draft, status_errors(rules, draft, old, namespaced=True)


def _system(draft: Obj, old: Obj) -> None:
    names = ("namespace", "uid", "creationTimestamp", "generation", "resourceVersion")
    draft["metadata"] |= {n: old["metadata"][n] for n in names if n in old["metadata"]}


def texts(errors: list[Cause]) -> list[str]:
    return [f"{e.field}: {e.message}" for e in errors]
