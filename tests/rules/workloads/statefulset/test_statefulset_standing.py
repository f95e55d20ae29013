"""What a StatefulSet's controller knows of its pods by difference is what one that sees all of them for the first time would know."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.rules.workloads.statefulset.stateful_world import claim_template, stateful_set
from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.workloads.revisions import POD_LABEL
from wherry.rules.workloads.statefulset import identity
from wherry.rules.workloads.statefulset.known_pods import Standing

PHASES, REVISIONS = ("Pending", "Running", "Failed"), ("web-1", "web-2", "")


def owner(**spec: Any) -> Obj:
    made = stateful_set(replicas=3, ordinals={"start": 2}, **spec)
    return objects.with_metadata(made, uid="set-uid", namespace="default")


def pod(ordinal: int, number: int, now: float) -> Obj:
    """One of many: each part of the number says one thing of it."""
    name = f"web-{ordinal}"
    labels = {POD_LABEL: REVISIONS[number % 3], **(identity.labels(name, ordinal) if number % 5 else {})}
    ready = {"type": "Ready", "status": "False" if number % 4 == 3 else "True", "lastTransitionTime": timestamps.time(now - number % 7)}
    meta: Obj = {"name": name, "uid": f"{name}-{number}", "labels": labels}
    if number % 11 == 0:
        meta["deletionTimestamp"] = timestamps.time(now)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}" if number % 13 else "other"}}
    return {"metadata": meta, "spec": {"volumes": [volume]}, "status": {"phase": PHASES[number % 8 % 3], "conditions": [ready]}}


def read(standing: Standing) -> tuple[Any, ...]:
    staying = {name: sorted(standing.staying(name)) for name in (*REVISIONS, "none")}
    others = {name: sorted(standing.of_other_revisions(name)) for name in (*REVISIONS, "none")}
    in_order = sorted(standing.open_pods(), key=lambda m: m.ordinal)
    return len(standing), list(standing.open_replicas()), in_order, standing.condemned(), staying, others, standing.revisions()


CHANGES = st.tuples(st.sampled_from(["put", "put", "put", "drop", "claim", "wait"]), st.integers(0, 7), st.integers(1, 10_000))


@given(st.lists(CHANGES, max_size=40), st.booleans(), st.sampled_from([0, 3]))
def test_told_of_each_change_it_knows_what_a_new_one_would(changes: list[tuple[str, int, int]], claims: bool, min_ready: int) -> None:
    policy = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    given_claims = {"volumeClaimTemplates": [claim_template()], "persistentVolumeClaimRetentionPolicy": policy} if claims else {}
    top = owner(minReadySeconds=min_ready, **given_claims)
    kept, pods, stored, now = Standing(top), {}, {}, 1000.0
    for what, ordinal, number in changes:
        told, gone = [], []
        if what == "put":
            pods[ordinal] = pod(ordinal, number, now)
            told.append(pods[ordinal])
        elif what == "drop":
            pods.pop(ordinal, None)
            gone.append(ordinal)
        elif what == "claim":
            refs = [objects.controller_ref(top)] if number % 2 else []
            stored[f"data-web-{ordinal}"] = {"metadata": {"name": f"data-web-{ordinal}", "ownerReferences": refs}}
            told.extend([pods[ordinal]] if ordinal in pods else [])
        else:
            now += number % 5
        kept.take(top, told, gone, stored.get, now)
        fresh = Standing(top)
        fresh.take(top, pods.values(), [], stored.get, now)
        assert read(kept) == read(fresh)


def test_a_settled_pod_is_not_looked_at_again_until_it_changes() -> None:
    top, standing = owner(), Standing(owner())
    works = pod(2, 9, 1000.0)
    assert works["status"]["phase"] == "Running"
    standing.take(top, [works], [], {}.get, 1000.0)
    assert [m.ordinal for m in standing.open_replicas()] == [3, 4]
    assert standing.get(2).settled


def test_another_spec_is_another_standing() -> None:
    standing = Standing(owner())
    assert standing.is_of({**owner(), "status": {"replicas": 9}})
    assert not standing.is_of(owner(minReadySeconds=1))
