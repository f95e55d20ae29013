"""The node agent over a fake API on virtual time: what pods go through, and in how many writes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.node.fake_api import FakeApi
from tests.node.shell_world import PODS, World, play
from wherry.api.errors import MODIFIED, BadRequest, conflict
from wherry.api.objects import condition
from wherry.api.resources import resource
from wherry.kit.virtual import run_virtual
from wherry.node.runtime import LogOptions
from wherry.node.timings import Timings


def test_nodes_register_and_stay_alive() -> None:
    async def scenario(world: World) -> None:
        assert [n["metadata"]["name"] for n in world.api.of("nodes")] == ["sim-0", "sim-1", "sim-2", "sim-3"]
        node = world.api.objects["nodes", "sim-1"]
        assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.0.0.2"}
        assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("simulated://")
        before = world.api.objects["leases", "kube-node-lease/sim-1"]["spec"]["renewTime"]
        await world.rest(30)
        assert world.api.objects["leases", "kube-node-lease/sim-1"]["spec"]["renewTime"] > before
        assert ("update", "nodes", "sim-1", "status") not in world.api.writes
        await world.rest(300)
        assert ("update", "nodes", "sim-1", "status") in world.api.writes

    play(scenario)


def test_without_delays_a_pod_becomes_ready_in_one_write() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p")
        assert world.phase("p") == "Running"
        assert (condition(world.get("p"), "Ready") or {})["status"] == "True"
        assert world.get("p")["status"]["podIP"].startswith("10.244.")
        assert world.pod_writes("p") == [("create", ""), ("create", "binding"), ("update", "status")]
        assert [reason for reason, _ in world.events("p")] == ["Scheduled"]

    play(scenario)


def test_with_delays_it_goes_through_every_state() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p")
        assert world.main("p")["state"] == {"waiting": {"reason": "ContainerCreating"}}
        await world.rest(3)
        assert (world.phase("p"), world.main("p")["ready"]) == ("Running", False)
        await world.rest(4)
        assert world.main("p")["ready"] is True

    play(scenario, timings=Timings(pull=1, start=1, ready=4))


def test_events_of_what_goes_well_when_asked_for() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", nodeName="sim-0")
        await world.pod("q", nodeName="sim-0")
        assert [reason for reason, _ in world.events("p")] == ["Pulling", "Pulled", "Created", "Started"]
        pulled = world.events("p")[1][1]
        pattern = r'Successfully pulled image "nginx:1.21" in 0s \(0s including waiting\)\. Image size: [1-9]\d{6,8} bytes\.'
        assert re.fullmatch(pattern, pulled)
        assert ("Pulled", 'Container image "nginx:1.21" already present on machine and can be accessed by the pod') in world.events("q")
        await world.delete("p")
        assert ("Killing", "Stopping container main") in world.events("p")

    play(scenario, routine_events=True)


def test_a_missing_image_backs_off_without_further_writes_until_it_is_there() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", {"name": "a", "image": "nginx:1.21"}, {"name": "b", "image": "nginx:999.1"})
        assert world.phase("p") == "Pending"
        states = [s["state"]["waiting"] for s in world.get("p")["status"]["containerStatuses"]]
        assert [s["reason"] for s in states] == ["ImagePullBackOff", "ImagePullBackOff"]
        assert states[1]["message"].startswith('Back-off pulling image "nginx:999.1": ErrImagePull: ')
        writes = len(world.pod_writes("p"))
        await world.rest(1000)
        assert len(world.pod_writes("p")) == writes
        assert ("Failed", "Error: ErrImagePull") in world.events("p")

    play(scenario)


def test_containers_with_good_images_run_when_pods_are_not_taken_as_a_whole() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", {"name": "a", "image": "nginx:1.21"}, {"name": "b", "image": "nginx:999.1"})
        assert [s["ready"] for s in world.get("p")["status"]["containerStatuses"]] == [True, False]
        assert world.phase("p") == "Pending"

    play(scenario, whole_pods=False)


def test_a_crashing_container_is_restarted_at_growing_intervals() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", annotations={"exit-code": "7"})
        assert (world.main("p")["state"]["terminated"]["reason"], world.main("p")["restartCount"]) == ("Error", 1)
        assert world.main("p")["lastState"]["terminated"]["exitCode"] == 7
        uid = world.get("p")["metadata"]["uid"]
        await world.rest(10)
        # the state only speaks of the back-off when the kubelet looks again, just before the restart
        waiting = world.main("p")["state"]["waiting"]
        assert waiting == {"reason": "CrashLoopBackOff", "message": f"back-off 10s restarting failed container=main pod=p_d({uid})"}
        await world.rest(0.1)
        assert world.main("p")["restartCount"] == 2
        await world.rest(19)
        assert world.main("p")["restartCount"] == 2
        await world.rest(2)
        assert world.main("p")["restartCount"] == 3
        assert ("BackOff", f"Back-off restarting failed container main in pod p_d({uid})") in world.events("p")
        assert world.phase("p") == "Running"

    play(scenario)


def test_a_pod_that_runs_to_its_end() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", annotations={"run-seconds": "5"}, restartPolicy="Never")
        assert world.main("p")["ready"] is True
        await world.rest(5)
        assert world.phase("p") == "Succeeded"
        assert world.main("p")["state"]["terminated"]["reason"] == "Completed"
        await world.pod("q", annotations={"exit-code": "2"}, restartPolicy="Never")
        assert world.phase("q") == "Failed"
        await world.delete("p")
        assert ("pods", "d/p") not in world.api.objects

    play(scenario)


def test_init_containers_and_sidecars_in_order() -> None:
    async def scenario(world: World) -> None:
        init = [{"name": "i", "image": "x"}, {"name": "s", "image": "x", "restartPolicy": "Always"}]
        await world.pod("p", initContainers=init, annotations={"run-seconds": "5"}, restartPolicy="Never")
        entries = world.get("p")["status"]["initContainerStatuses"]
        assert [next(iter(e["state"])) for e in entries] == ["terminated", "running"]
        assert world.phase("p") == "Running"
        await world.rest(5)
        assert world.phase("p") == "Succeeded"
        assert next(iter(world.get("p")["status"]["initContainerStatuses"][1]["state"])) == "terminated"

    play(scenario)


def test_a_deleted_pod_goes_when_its_containers_have_ended() -> None:
    async def scenario(world: World) -> None:
        await world.pod("quick")
        await world.pod("slow", annotations={"termination-seconds": "5"})
        await world.pod("stubborn", annotations={"termination-seconds": "50"})
        for name in ("quick", "slow", "stubborn"):
            await world.delete(name)
        assert ("pods", "d/quick") not in world.api.objects
        assert (condition(world.get("slow"), "Ready") or {})["status"] == "True"
        await world.rest(5)
        assert ("pods", "d/slow") not in world.api.objects
        await world.rest(24)
        assert ("pods", "d/stubborn") in world.api.objects
        await world.rest(2)
        assert ("pods", "d/stubborn") not in world.api.objects

    play(scenario)


def test_a_pod_ends_when_no_traffic_comes_to_it_any_more() -> None:
    async def scenario(world: World) -> None:
        drained: list[Callable[[], None]] = []
        world.nodes.drain = lambda pod, then: drained.append(then)
        await world.pod("p")
        await world.delete("p")
        assert next(iter(world.main("p")["state"])) == "running"
        drained.pop()()
        await world.rest()
        assert ("pods", "d/p") not in world.api.objects

    play(scenario)


def test_a_debug_container_runs_beside_the_others() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p")
        pod = world.get("p")
        debug = [{"name": "dbg", "image": "busybox", "targetContainerName": "main"}]
        meta = {**pod["metadata"], "generation": 2}
        await world.api.update(PODS, {**pod, "metadata": meta, "spec": {**pod["spec"], "ephemeralContainers": debug}})
        await world.rest()
        said = world.get("p")["status"]["ephemeralContainerStatuses"]
        assert [(next(iter(c["state"])), c["ready"], "started" in c) for c in said] == [("running", False, False)]
        assert (condition(world.get("p"), "Ready") or {})["status"] == "True"
        await world.delete("p")
        assert ("pods", "d/p") not in world.api.objects

    play(scenario)


def test_the_run_before_has_a_log_too() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", annotations={"exit-code": "1"})
        said = b"".join([line async for line in world.nodes.runtime.logs(world.get("p"), "main", LogOptions(previous=True))])
        assert b"simulated" in said
        await world.pod("q")
        with pytest.raises(BadRequest, match='previous terminated container "main" in pod "q" not found'):
            [line async for line in world.nodes.runtime.logs(world.get("q"), "main", LogOptions(previous=True))]

    play(scenario)


def test_nodes_from_before_live_on_and_have_zones_sizes_and_ranges() -> None:
    async def whole() -> None:
        api = FakeApi()
        first = World(api, count=3, zones=2, cpu="4", memory="8Gi", pods_per_node=110)
        await first.start()
        await first.stop()
        again = World(api, count=1, zones=2, pods_per_node=110)
        await again.start()
        nodes = {n["metadata"]["name"]: n for n in api.of("nodes")}
        assert again.nodes.node_names == ["sim-0", "sim-1", "sim-2"]
        assert [n["spec"]["podCIDR"] for n in nodes.values()] == ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]
        assert [n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in nodes.values()] == ["zone-1", "zone-2", "zone-1"]
        await again.pod("p", nodeName="sim-2")
        assert again.get("p")["status"]["podIP"] == "10.244.2.2"
        await again.stop()

    run_virtual(whole(), epoch=1_767_225_600.0)


def test_forced_deletion_frees_everything_at_once() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", annotations={"termination-seconds": "50"})
        pod = world.get("p")
        await world.delete("p", grace=0)
        assert world.nodes.worker_of(pod) is None
        writes = len(world.api.writes)
        await world.rest(5)
        assert len(world.api.writes) == writes

    play(scenario)


def test_in_full_detail_the_end_is_written_before_the_pod_goes() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p")
        await world.delete("p")
        assert world.pod_writes("p")[-3:] == [("delete", ""), ("update", "status"), ("delete", "")]

    play(scenario, full=True)


def test_never_ready() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", annotations={"never-ready": "true"})
        await world.rest(1000)
        assert (world.phase("p"), world.main("p")["ready"]) == ("Running", False)

    play(scenario)


def test_wrong_annotations_become_events() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", annotations={"exit-code": "many"}, nodeName="sim-0")
        assert "InvalidAnnotation" in [reason for reason, _ in world.events("p")]
        assert world.phase("p") == "Running"

    play(scenario)


def test_a_deadline_ends_the_pod() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p", activeDeadlineSeconds=60)
        await world.rest(61)
        assert world.phase("p") == "Failed"
        assert world.get("p")["status"]["reason"] == "DeadlineExceeded"

    play(scenario)


def test_a_conflicting_write_is_done_again_on_the_newest_version() -> None:
    async def scenario(world: World) -> None:
        failed = []

        def once(verb: str, plural: str, name: str, subresource: str) -> None:
            if subresource == "status" and not failed:
                failed.append(name)
                raise conflict("pods", name, MODIFIED)

        world.api.before_write = once
        await world.pod("p")
        assert failed == ["p"]
        assert world.phase("p") == "Running"

    play(scenario)


def test_an_agent_that_starts_again_takes_its_pods_over() -> None:
    async def whole() -> None:
        api = FakeApi()
        first = World(api)
        await first.start()
        await first.pod("p", annotations={"run-seconds": "100"}, restartPolicy="Never")
        await first.rest(50)
        address = first.get("p")["status"]["podIP"]
        await first.stop()
        second = World(api)
        await second.start()
        writes = len(second.pod_writes("p"))
        await second.pod("q")
        assert second.get("q")["status"]["podIP"] != address
        assert len(second.pod_writes("p")) == writes
        await second.rest(51)
        assert second.phase("p") == "Succeeded"
        await second.stop()

    run_virtual(whole(), epoch=1_767_225_600.0)


def test_a_failed_node_is_silent_until_it_recovers() -> None:
    async def scenario(world: World) -> None:
        world.nodes.fail("sim-0")
        before = world.api.objects["leases", "kube-node-lease/sim-0"]
        await world.pod("p", nodeName="sim-0")
        await world.rest(60)
        assert world.api.objects["leases", "kube-node-lease/sim-0"] == before
        assert world.phase("p") == "Pending"
        world.nodes.recover("sim-0")
        await world.rest(11)
        assert world.phase("p") == "Running"
        assert world.api.objects["leases", "kube-node-lease/sim-0"] != before

    play(scenario)


def test_a_simulated_container_says_that_it_is_one() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p")
        lines = [line async for line in world.nodes.runtime.logs(world.get("p"), "main", LogOptions())]
        assert b"simulated" in lines[0]
        with pytest.raises(BadRequest, match="simulated"):
            await world.nodes.runtime.exec(world.get("p"), "main", ["ls"])

    play(scenario)


def test_a_pod_with_a_finalizer_is_told_to_go_once_and_says_how_it_ended() -> None:
    async def scenario(world: World) -> None:
        await world.pod("p")
        pod = world.get("p")
        await world.api.update(resource("pods"), {**pod, "metadata": {**pod["metadata"], "finalizers": ["x/y"]}})
        await world.rest()
        await world.delete("p")
        assert world.pod_writes("p")[-2:] == [("update", "status"), ("delete", "")]

    play(scenario)
    assert PODS.plural == "pods"
