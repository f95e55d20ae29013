"""Adoption and release: who may take what, whatever the kind."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.api.objects import Obj, controller_ref
from wherry.rules.objects import ownership

NOW = "2026-01-01T00:00:00Z"


def owner(**meta: Any) -> Obj:
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web", "namespace": "default", "uid": "o", **meta}}


def obj(of: Obj | None = None, **meta: Any) -> Obj:
    refs = {"ownerReferences": [controller_ref(of)]} if of else {}
    metadata = {"name": "x", "namespace": "default", "uid": "x", "labels": {"app": "web"}, **refs, **meta}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def taken(whose: Obj, what: Obj) -> list[Obj]:
    matches = ownership.matcher({"matchLabels": {"app": "web"}})
    return [action.patch for action in ownership.claim(whose, [what], matches).actions]


ADOPTED = [{"metadata": {"uid": "x", "ownerReferences": [controller_ref(owner())]}}]
RELEASED = [{"metadata": {"uid": "x", "ownerReferences": [{"$patch": "delete", "uid": "o"}]}}]


@pytest.mark.parametrize(
    ("whose", "what", "patches"),
    [
        (owner(), obj(), ADOPTED),
        (owner(), obj(labels={"app": "else"}), []),
        (owner(), obj(namespace="else"), []),
        (owner(), obj(deletionTimestamp=NOW), []),
        (owner(deletionTimestamp=NOW), obj(), []),
        (owner(), obj(owner(uid="another")), []),
        (owner(), obj(owner()), []),
        (owner(), obj(owner(), labels={"app": "else"}), RELEASED),
        (owner(), obj(owner(), labels={"app": "else"}, deletionTimestamp=NOW), RELEASED),
        (owner(deletionTimestamp=NOW), obj(owner(), labels={"app": "else"}), []),
        (owner(), obj(owner(uid="another"), labels={"app": "else"}), []),
    ],
)
def test_an_owner_adopts_orphans_that_stay_and_releases_what_it_does_not_select(whose: Obj, what: Obj, patches: list[Obj]) -> None:
    assert taken(whose, what) == patches


def test_only_what_is_selected_counts_as_owned() -> None:
    matches = ownership.matcher({"matchLabels": {"app": "web"}})
    mine, deleting = obj(owner()), obj(owner(), deletionTimestamp=NOW)
    lost = obj(owner(), labels={"app": "else"})
    assert ownership.claim(owner(), [mine, obj(), obj(owner(uid="another")), lost, deleting], matches).owned == (mine, deleting)


def test_finalizers_come_with_the_ownership_and_go_with_it() -> None:
    matches = ownership.matcher({"matchLabels": {"app": "web"}})
    patches = [a.patch for a in ownership.claim(owner(), [obj(), obj(owner(), labels={})], matches, ["f"]).actions]
    assert [p["metadata"].get("finalizers") for p in patches] == [["f"], None]
    assert [p["metadata"].get("$deleteFromPrimitiveList/finalizers") for p in patches] == [None, ["f"]]
