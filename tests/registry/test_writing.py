"""Creates, updates and deletes: preconditions, names, finalizers, dry run, what is shared."""

from __future__ import annotations

import random

import pytest

from tests.registry.world import ADMIN, CONFIG_MAPS, DRY_RUN, NAMESPACES, PODS, World, in_world, template_pod
from wherry.api.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from wherry.api.options import APPLY_PATCH, MERGE_PATCH, DeleteOptions, Target, User, WriteOptions
from wherry.api.resources import Resource, resource
from wherry.registry.admission.chain import Chain
from wherry.registry.registry import Registry
from wherry.registry.request import Operation, Request
from wherry.rules.cel.libraries.authorizer import Decision, Question


def test_a_write_that_changes_nothing_stores_nothing() -> None:
    async def play(world: World) -> None:
        made = await world.config_map("a")
        world.now += 100
        again = await world.client.patch(CONFIG_MAPS, "default", "a", {"data": {"k": "v"}}, MERGE_PATCH)
        assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]

    in_world(play)


def test_an_update_of_an_old_version_conflicts() -> None:
    async def play(world: World) -> None:
        old = await world.config_map("a")
        await world.client.patch(CONFIG_MAPS, "default", "a", {"data": {"k": "2"}}, MERGE_PATCH)
        with pytest.raises(Conflict, match="the object has been modified"):
            await world.client.update(CONFIG_MAPS, {**old, "data": {"k": "3"}})

    in_world(play)


def test_what_a_caller_passes_stays_the_callers() -> None:
    async def play(world: World) -> None:
        service = {"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}
        made = await world.client.create(resource("services"), "default", service)
        assert service == {"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}
        assert made["spec"]["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 80}]

    in_world(play)


def test_an_object_with_finalizers_waits_until_the_last_is_gone() -> None:
    async def play(world: World) -> None:
        await world.config_map("a", finalizers=["example.com/x"])
        await world.client.delete(CONFIG_MAPS, "default", "a")
        held = await world.client.get(CONFIG_MAPS, "default", "a")
        assert held["metadata"]["deletionTimestamp"]
        with pytest.raises(AlreadyExists, match="object is being deleted"):
            await world.config_map("a")
        await world.client.patch(CONFIG_MAPS, "default", "a", {"metadata": {"finalizers": None}}, MERGE_PATCH)
        with pytest.raises(NotFound):
            await world.client.get(CONFIG_MAPS, "default", "a")

    in_world(play)


def test_a_delete_with_a_wrong_uid_does_nothing() -> None:
    async def play(world: World) -> None:
        await world.config_map("a")
        with pytest.raises(Conflict, match="does not match the UID in record"):
            await world.client.delete(CONFIG_MAPS, "default", "a", DeleteOptions(uid="other"))
        assert await world.client.get(CONFIG_MAPS, "default", "a")

    in_world(play)


def test_dry_run_answers_as_if_and_keeps_nothing() -> None:
    async def play(world: World) -> None:
        before = world.store.revision
        made = await world.client.create(CONFIG_MAPS, "default", {"metadata": {"name": "a"}}, options=DRY_RUN)
        assert made["metadata"]["uid"]
        with pytest.raises(NotFound):
            await world.client.get(CONFIG_MAPS, "default", "a")
        assert world.store.revision == before

    in_world(play)


def test_a_generated_name_that_is_taken_is_made_anew() -> None:
    async def play(world: World) -> None:
        suffixes = iter(["aaaaa", "aaaaa", "bbbbb"])
        world.registry._core.rng.choices = lambda *_, **__: next(suffixes)  # type: ignore[method-assign,assignment]
        made = [await world.client.create(CONFIG_MAPS, "default", {"metadata": {"generateName": "c-"}}) for _ in "12"]
        assert [m["metadata"]["name"] for m in made] == ["c-aaaaa", "c-bbbbb"]

    in_world(play)


def test_a_namespace_takes_nothing_once_it_is_going() -> None:
    async def play(world: World) -> None:
        await world.client.create(NAMESPACES, "", {"metadata": {"name": "n"}})
        going = await world.client.delete(NAMESPACES, "", "n")
        assert going["status"]["phase"] == "Terminating"
        with pytest.raises(Forbidden, match="because it is being terminated"):
            await world.client.create(CONFIG_MAPS, "n", {"metadata": {"name": "a"}})
        with pytest.raises(NotFound, match='namespaces "nosuch" not found'):
            await world.client.create(CONFIG_MAPS, "nosuch", {"metadata": {"name": "a"}})

    in_world(play)


def test_two_services_never_share_an_address() -> None:
    async def play(world: World) -> None:
        services = resource("services")
        ips = set()
        for number in range(20):
            made = await world.client.create(services, "default", {"metadata": {"name": f"s{number}"}, "spec": {"ports": [{"port": 80}]}})
            ips.add(made["spec"]["clusterIP"])
        assert len(ips) == 20
        taken = next(iter(ips))
        spec = {"clusterIP": taken, "ports": [{"port": 80}]}
        with pytest.raises(Invalid, match="provided IP is already allocated"):
            await world.client.create(services, "default", {"metadata": {"name": "t"}, "spec": spec})

    in_world(play)


def test_pods_of_one_template_share_their_spec() -> None:
    async def play(world: World) -> None:
        first, second = [await world.trusted.create(PODS, "default", template_pod(name)) for name in ("a", "b")]
        assert first["spec"] is second["spec"]
        assert first["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
        assert second["spec"]["serviceAccountName"] == "default"
        assert second["status"] == first["status"]
        assert [e["fieldsV1"] for e in first["metadata"]["managedFields"]] == [e["fieldsV1"] for e in second["metadata"]["managedFields"]]

    in_world(play)


def test_what_a_template_becomes_is_worked_out_again_when_its_account_changed() -> None:
    async def play(world: World) -> None:
        first = await world.trusted.create(PODS, "default", template_pod("a"))
        assert any(v["name"].startswith("kube-api-access-") for v in first["spec"]["volumes"])
        await world.client.patch(resource("serviceaccounts"), "default", "default", {"automountServiceAccountToken": False}, MERGE_PATCH)
        second = await world.trusted.create(PODS, "default", template_pod("b"))
        assert "volumes" not in second["spec"]

    in_world(play)


def test_a_bad_template_is_refused_every_time() -> None:
    async def play(world: World) -> None:
        for name in ("a", "b"):
            with pytest.raises(Invalid, match=r"spec\.restartPolicy"):
                await world.trusted.create(PODS, "default", template_pod(name, restartPolicy="Sometimes"))

    in_world(play)


def test_a_pod_on_a_node_is_given_its_grace_and_one_on_none_goes_at_once() -> None:
    async def play(world: World) -> None:
        for name, spec in (("bound", {"nodeName": "n"}), ("free", {})):
            containers = [{"name": "c", "image": "i"}]
            await world.client.create(PODS, "default", {"metadata": {"name": name}, "spec": {"containers": containers, **spec}})
        going = await world.client.delete(PODS, "default", "bound")
        assert going["metadata"]["deletionGracePeriodSeconds"] == 30
        sooner = await world.client.delete(PODS, "default", "bound", DeleteOptions(grace_period_seconds=5))
        assert sooner["metadata"]["deletionGracePeriodSeconds"] == 5
        await world.client.delete(PODS, "default", "bound", DeleteOptions(grace_period_seconds=0))
        await world.client.delete(PODS, "default", "free")
        assert (await world.client.list(PODS, "default")).items == []

    in_world(play)


def test_replacing_and_applying_create_only_for_those_who_may_create() -> None:
    async def play(world: World) -> None:
        asked: list[Question] = []

        async def decide(user: User, question: Question) -> Decision:
            asked.append(question)
            return Decision(False, "not today")

        world.registry.outside.decide = decide
        leases = resource("leases", "coordination.k8s.io")
        why = (
            'leases.coordination.k8s.io "l" is forbidden: User "admin" cannot create resource "leases" in API group '
            '"coordination.k8s.io" in the namespace "default": not today'
        )
        lease = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": {"name": "l", "namespace": "default"}}
        with pytest.raises(Forbidden, match=why):
            await world.client.update(leases, lease)
        with pytest.raises(Forbidden, match=why):
            await world.client.patch(leases, "default", "l", lease, APPLY_PATCH, options=WriteOptions(field_manager="m"))
        assert {(q.verb, q.resource, q.namespace, q.name) for q in asked} == {("create", "leases", "default", "l")}
        made = await world.client.create(leases, "default", lease)  # whether that is allowed was decided before it came here
        await world.client.update(leases, made)
        assert len(asked) == 2

    in_world(play)


class Refusing:
    """A plug-in that refuses all deletes."""

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "DELETE"

    async def admit(self, request: Request) -> None:
        raise request.forbidden("never")


def test_preconditions_of_a_delete_come_before_admission_and_who_has_its_grace_period_is_not_asked_about() -> None:
    async def play(world: World) -> None:
        strict = Registry(world.store, lambda: world.now, random.Random(1), admission=Chain([Refusing()]))
        await world.config_map("a", finalizers=["example.com/x"])
        target = Target(CONFIG_MAPS, "default", "a")
        with pytest.raises(Conflict, match="the UID in the precondition"):
            await strict.delete(target, DeleteOptions(uid="other"), ADMIN)
        for _ in range(2):
            with pytest.raises(Forbidden, match="never"):
                await strict.delete(target, DeleteOptions(), ADMIN)
            await world.client.delete(CONFIG_MAPS, "default", "a")
        await world.client.create(PODS, "default", {**template_pod("p"), "spec": {**template_pod("p")["spec"], "nodeName": "n"}})
        await world.client.delete(PODS, "default", "p")
        assert not (await strict.delete(Target(PODS, "default", "p"), DeleteOptions(), ADMIN)).gone

    in_world(play)


def test_what_is_warned_of_is_told_with_a_refusal_too() -> None:
    async def play(world: World) -> None:
        body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "Not A Name"}, "dat": {}}
        with pytest.raises(Invalid) as caught:
            await world.registry.create(Target(CONFIG_MAPS, "default"), body, WriteOptions(field_validation="Warn"), ADMIN)
        assert caught.value.warnings == ('unknown field "dat"',)

    in_world(play)


def test_a_generated_name_that_is_taken_every_time_says_that_there_was_no_other() -> None:
    async def play(world: World) -> None:
        await world.config_map("a-x", generateName="a-")
        with pytest.raises(AlreadyExists, match=r"the server was not able to generate a unique name for the object") as caught:
            await world.config_map("a-x", generateName="a-")
        assert (caught.value.details or {})["retryAfterSeconds"] == 1

    in_world(play)
