"""Namespaces on a running registry: what is in each from the start, and how one ends."""

from __future__ import annotations

from tests.rules.networking.endpoints.manifests import EPOCH, config_map, manifest
from tests.rules.networking.endpoints.world import World, play
from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.controllers.namespace import NamespaceController
from wherry.controllers.root_ca import RootCAController
from wherry.controllers.serviceaccount import ServiceAccountController
from wherry.reconcile.controller import Controller, Parts

NAMESPACE = manifest("v1", "Namespace", "team")
ACCOUNT = manifest("v1", "ServiceAccount", "default", namespace="team")
ROOT_CA = config_map("kube-root-ca.crt", namespace="team")


def all_three(parts: Parts) -> list[Controller]:
    return [NamespaceController(parts), ServiceAccountController(parts), RootCAController(parts, "PEM")]


def condition(namespace: Obj | None, type_: str) -> Obj:
    assert namespace is not None
    return next(c for c in namespace["status"]["conditions"] if c["type"] == type_)


def test_a_new_namespace_gets_its_account_and_the_clusters_certificate() -> None:
    async def story(world: World) -> None:
        await world.create(NAMESPACE)
        await world.settle()
        assert await world.get(ACCOUNT) is not None
        found = await world.get(ROOT_CA)
        assert found is not None
        assert found["data"] == {"ca.crt": "PEM"}
        assert found["metadata"]["annotations"]["kubernetes.io/description"].startswith("Contains a CA bundle that can be used to verify")

    play(all_three, story)


def test_what_is_deleted_or_changed_comes_back() -> None:
    async def story(world: World) -> None:
        await world.create(NAMESPACE)
        await world.settle()
        before = await world.get(ACCOUNT)
        changed = await world.get(ROOT_CA)
        assert before is not None
        assert changed is not None
        await world.delete(before)
        await world.update({**changed, "data": {"ca.crt": "forged", "more": "x"}})
        await world.settle()
        after, certificate = await world.get(ACCOUNT), await world.get(ROOT_CA)
        assert after is not None
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert certificate is not None
        assert certificate["data"] == {"ca.crt": "PEM"}
        await world.delete(certificate)
        await world.settle()
        assert await world.get(ROOT_CA) is not None

    play(all_three, story)


def test_a_deleted_namespace_goes_with_all_that_is_in_it() -> None:
    async def story(world: World) -> None:
        await world.create(NAMESPACE)
        inside = [await world.create(config_map(f"m-{n}", namespace="team")) for n in range(3)]
        other = await world.create(config_map("other"))
        await world.settle()
        await world.delete(NAMESPACE)
        await world.settle(4)
        going = await world.get(NAMESPACE)
        assert going is not None
        assert going["status"]["phase"] == "Terminating"
        await world.settle(4)
        assert await world.get(NAMESPACE) is None
        assert [await world.get(each) for each in (*inside, ACCOUNT, ROOT_CA)] == [None] * 5
        assert await world.get(other) == other

    play(all_three, story)


def test_a_finalizer_inside_holds_the_namespace_and_its_status_says_so() -> None:
    async def story(world: World) -> None:
        await world.create(NAMESPACE)
        await world.create(config_map("held", namespace="team", finalizers=["example.com/hold"]))
        await world.settle()
        await world.delete(NAMESPACE)
        await world.settle(7)
        namespace = await world.get(NAMESPACE)
        remaining = condition(namespace, "NamespaceContentRemaining")
        assert remaining["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
        assert condition(namespace, "NamespaceFinalizersRemaining")["message"] == (
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances")
        assert timestamps.parse(remaining["lastTransitionTime"]) == EPOCH + 3 + 5
        held = await world.get(config_map("held", namespace="team"))
        assert held is not None
        await world.update({**held, "metadata": {**held["metadata"], "finalizers": []}})
        await world.settle(20)
        assert await world.get(NAMESPACE) is None

    play(all_three, story)


def test_a_finalizer_of_somebody_else_in_the_spec_keeps_the_empty_namespace() -> None:
    async def story(world: World) -> None:
        await world.create({**NAMESPACE, "spec": {"finalizers": ["example.com/mine", "kubernetes"]}})
        await world.settle()
        await world.delete(NAMESPACE)
        await world.settle(20)
        namespace = await world.get(NAMESPACE)
        assert namespace is not None
        assert namespace["spec"]["finalizers"] == ["example.com/mine"]
        assert await world.get(ACCOUNT) is None

    play(all_three, story)
