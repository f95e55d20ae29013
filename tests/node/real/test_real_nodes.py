"""A cluster whose pods run programs: from the API to a process and back, with every engine (see `conftest`)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.worlds.real_nodes import EVENTS, PODS, Play, World
from wherry.api.errors import BadRequest
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource


def test_a_program_says_who_it_is_and_ends(play: Play) -> None:
    async def story(world: World) -> None:
        named = {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
        await world.pod("p", "echo $IP $KUBERNETES_SERVICE_HOST; hostname; exit 3", container={"env": [named]}, restartPolicy="Never")
        status = await world.phase("p", "Failed")
        assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
        assert await world.log("p") == f"{status['podIP']} 10.96.0.1\np\n"
        assert await world.log("p", tail_lines=1) == "p\n"
        assert await world.reasons("p") == ["Pulled", "Created", "Started"]

    play(story)


def test_a_node_says_what_it_is_and_which_limits_it_does_not_keep(play: Play) -> None:
    async def story(world: World) -> None:
        async def registered() -> Any:
            return (await world.client.list(resource("nodes"))).items

        node = (await world.eventually(registered))[0]
        assert node["metadata"]["annotations"]["volumes.kubernetes.io/controller-managed-attach-detach"] == "true"
        engine: Any = world.runtime._engine
        loose = node["metadata"]["annotations"].get("wherry.dev/limits-not-enforced", "")
        assert set(filter(None, loose.split(","))) == {"cpu", "memory"} - set(engine.enforced)
        info = node["status"]["nodeInfo"]
        assert info["containerRuntimeVersion"] == f"{world.engine}://{engine.version}"
        assert node["spec"]["podCIDR"] == "10.244.0.0/24"

    play(story)


def test_a_program_that_is_not_there(play: Play) -> None:
    async def story(world: World) -> None:
        await world.pod("p", "", container={"command": ["nosuch"]}, restartPolicy="Never")
        ended = (await world.phase("p", "Failed"))["containerStatuses"][0]["state"]["terminated"]
        assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
        assert await world.reasons("p") == ["Pulled", "Created", "Failed"]

    play(story)


def test_a_crash_is_followed_by_a_new_run_and_both_have_logs(play: Play) -> None:
    async def story(world: World) -> None:
        volume = [{"name": "v", "emptyDir": {}}]
        command = "if [ -f /v/x ]; then echo second; trap 'exit 0' TERM; while true; do sleep 0.1; done; fi; touch /v/x; echo first; exit 5"
        mounted = {"volumeMounts": [{"name": "v", "mountPath": "/v"}], "terminationMessagePolicy": "FallbackToLogsOnError"}
        await world.pod("p", command, container=mounted, volumes=volume)
        status = await world.until("p", lambda s: (s.get("containerStatuses") or [{}])[0].get("restartCount") == 1)
        last = status["containerStatuses"][0]["lastState"]["terminated"]
        assert (last["exitCode"], last["message"]) == (5, "first\n")
        assert await world.log("p", previous=True) == "first\n"
        assert await world.log("p") == "second\n"
        await world.gone("p")

    play(story)


def test_volumes_of_other_objects_and_what_changes_in_them(play: Play) -> None:
    async def story(world: World) -> None:
        await world.create("configmaps", "conf", data={"a": "1", "b": "2"})
        await world.create("secrets", "sec", stringData={"user": "me"})
        volumes = [
            {"name": "conf", "configMap": {"name": "conf"}},
            {"name": "all", "projected": {"sources": [
                {"secret": {"name": "sec"}}, {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 700}}]}},
        ]  # fmt: skip
        mounted = [{"name": "conf", "mountPath": "/conf"}, {"name": "conf", "mountPath": "/one", "subPath": "a"},
                   {"name": "all", "mountPath": "/all"}]
        command = "cat /conf/a /one /all/user /all/name; cut -c1-3 /all/token; echo x > /conf/a || echo refused; sleep 100"
        await world.pod("p", command, container={"volumeMounts": mounted}, volumes=volumes)
        await world.ready("p")

        async def said_all() -> str:
            found = await world.log("p")
            return found if "refused" in found else ""

        said = await world.eventually(said_all)
        assert said.replace("\n", "").startswith("11mepeyJ")
        meta = {"name": "conf", "namespace": "default"}
        await world.client.update(resource("configmaps"), {**await world.client.get(resource("configmaps"), "default", "conf"),
                                                           "metadata": meta, "data": {"a": "changed"}})

        async def changed() -> bool:
            return await world.run("p", "cat", "/conf/a") == "changed"

        await world.eventually(changed, 40.0)
        assert await world.run("p", "ls", "/conf") == "a\n"
        assert await world.run("p", "cat", "/one") == "1", "what is mounted by subPath stays"

    play(story)


def test_what_it_said_last_is_why_it_failed_to_the_byte(play: Play) -> None:
    async def story(world: World) -> None:
        await world.pod("p", "printf DONE; exit 1", container={"terminationMessagePolicy": "FallbackToLogsOnError"}, restartPolicy="Never")
        status = await world.phase("p", "Failed")
        assert status["containerStatuses"][0]["state"]["terminated"]["message"] == "DONE"

    play(story)


def test_a_pods_status_says_which_version_of_it_was_seen(play: Play) -> None:
    async def story(world: World) -> None:
        await world.pod("p", "sleep 1000")
        await world.ready("p")
        more = [{"key": "own", "operator": "Exists", "effect": "NoSchedule"}]
        await world.client.patch(PODS, "default", "p", {"spec": {"tolerations": more}}, MERGE_PATCH)
        await world.until("p", lambda status: status["observedGeneration"] == 2)
        assert {each["observedGeneration"] for each in (await world.get("p"))["status"]["conditions"]} == {2}

    play(story)


def test_variables_come_from_a_file_that_an_init_container_wrote(play: Play) -> None:
    async def story(world: World) -> None:
        init = {"name": "i", "image": "busybox:1", "command": ["sh", "-c", "echo \"A='from a file'\" > /v/env"],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}]}  # fmt: skip

        def ref(path: str) -> dict[str, Any]:
            return {"env": [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": path, "key": "A"}}}]}

        rest = {"initContainers": [init], "volumes": [{"name": "v", "emptyDir": {}}], "restartPolicy": "Never"}
        await world.pod("p", "echo $A", container=ref("env"), **rest)
        await world.phase("p", "Succeeded")
        assert await world.log("p") == "from a file\n"
        await world.pod("q", "echo $A", container=ref("nosuch"), **rest)

        def refused(status: Any) -> bool:
            states = [each["state"] for each in status.get("containerStatuses") or ()]
            return any((state.get("waiting") or {}).get("message") == "couldn't parse env file" for state in states)

        await world.until("q", refused)

    play(story)


def test_probes_are_made_over_the_pods_network_and_in_it(play: Play) -> None:
    async def story(world: World) -> None:
        probes = {"readinessProbe": {"exec": {"command": ["cat", "/tmp/ok"]}, "periodSeconds": 1},
                  "livenessProbe": {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 5, "periodSeconds": 1, "failureThreshold": 1}}
        await world.pod("p", "trap 'exit 0' TERM; while true; do sleep 0.1; done", container=probes)
        status = await world.phase("p", "Running")
        assert not status["containerStatuses"][0]["ready"]
        await world.run("p", "touch", "/tmp/ok")
        await world.ready("p")
        await world.until("p", lambda s: s["containerStatuses"][0]["restartCount"] == 1)
        events = {e["message"] for e in (await world.client.list(EVENTS, "default")).items}
        assert f"Liveness probe failed: dial tcp {status['podIP']}:8080: connect: connection refused" in events
        assert "Container c failed liveness probe, will be restarted" in events

    play(story)


def test_an_http_probe_hears_a_server(play: Play) -> None:
    async def story(world: World) -> None:
        command = ["python3", "-m", "http.server", "8000", "--bind", "0.0.0.0"]
        server = {"command": command, "ports": [{"containerPort": 8000, "name": "web"}]}
        probe = {"readinessProbe": {"httpGet": {"path": "/etc/hostname", "port": "web"}, "periodSeconds": 1}}
        await world.pod("good", "", container={**server, **probe})
        probe = {"readinessProbe": {"httpGet": {"path": "/nosuch", "port": "web"}, "periodSeconds": 1, "failureThreshold": 1}}
        await world.pod("bad", "", container={**server, **probe})
        await world.ready("good")
        await world.told("bad", "Unhealthy")
        connection = await world.runtime.dial(await world.get("good"), 8000)
        await asyncio.get_running_loop().sock_sendall(connection, b"GET /etc/hostname HTTP/1.0\r\n\r\n")
        assert (await asyncio.get_running_loop().sock_recv(connection, 100)).startswith(b"HTTP/1.0 200 OK")
        connection.close()

    play(story)


def test_hooks_and_sidecars_in_their_order(play: Play) -> None:
    async def story(world: World) -> None:
        mounted = [{"name": "v", "mountPath": "/v"}]
        wait = "while true; do sleep 0.1; done"
        side = {"name": "side", "image": "busybox:1", "restartPolicy": "Always", "volumeMounts": mounted,
                "command": ["sh", "-c", f"trap 'cat /v/log; exit 0' TERM; echo side >> /v/log; {wait}"]}
        hooks = {"postStart": {"exec": {"command": ["sh", "-c", "echo posted >> /v/log"]}},
                 "preStop": {"exec": {"command": ["sh", "-c", "echo stopping >> /v/log"]}}}
        await world.pod("p", f"trap 'echo gone >> /v/log; exit 0' TERM; {wait}", container={"volumeMounts": mounted, "lifecycle": hooks},
                        initContainers=[side], volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}])
        await world.ready("p")
        following = asyncio.create_task(world.log("p", "side", follow=True))
        await asyncio.sleep(0.2)
        await world.gone("p")
        assert (await following).split() == ["side", "posted", "stopping", "gone"]

    play(story)


def test_what_is_wrong_is_told_as_a_kubelet_tells_it(play: Play) -> None:
    async def story(world: World) -> None:
        wrong = [{"name": "v", "hostPath": {"path": "/etc/passwd", "type": "Directory"}}]
        await world.pod("p", "true", volumes=wrong, container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]})
        seccomp = {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "nope.json"}}}
        await world.pod("q", "true", container=seccomp)
        status = await world.until("q", lambda s: "message" in str((s.get("containerStatuses") or [{}])[0].get("state")))
        assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "CreateContainerError"
        await world.told("p", "FailedMount")
        told = {e["message"] for e in (await world.client.list(EVENTS, "default")).items}
        assert 'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /etc/passwd is not a directory' in told
        with pytest.raises(BadRequest, match="container not found"):
            await world.runtime.exec(await world.get("p"), "c", ["true"])

    play(story)


def test_services_and_names_lead_to_pods(play: Play) -> None:
    async def story(world: World) -> None:
        server = {"command": ["python3", "-m", "http.server", "8000", "--bind", "0.0.0.0"],
                  "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1}}
        await world.create("pods", "server", spec={
            "containers": [{"name": "c", "image": "busybox:1", **server}], "terminationGracePeriodSeconds": 1})
        pod = await world.get("server")
        await world.client.update(resource("pods"), {**pod, "metadata": {**pod["metadata"], "labels": {"app": "web"}}})
        await world.create("services", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]})
        await world.pod("asking", "sleep 1000")
        await world.ready("server")
        await world.ready("asking")
        ask = "import urllib.request as r; print(r.urlopen('http://web.default.svc.cluster.local', timeout=5).status)"

        async def answered() -> bool:
            return await world.run("asking", "python3", "-c", ask) == "200\n"

        await world.eventually(answered)

    play(story)
