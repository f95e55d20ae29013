"""The helper's loop: requests from the main process, ends of children, news of those on their way. It never waits for any one of them.

Answers carry the request's number. `{"exit": id, ...}` tells of an end, once per program, after its start was answered.
"""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Callable
from typing import Any

from wherry.linux import calls, passing, processes
from wherry.linux.nft import NftError, NftMissing
from wherry.node.process.helper import containers, network, pods, unpack, written
from wherry.node.process.helper.spawn import Birth, spawn
from wherry.node.process.helper.state import Container, Pod, State

Answer = tuple[dict[str, Any], list[int]] | None


class Server:
    """`_births`: by pipe. `_programs`: pid -> whose end it will be. `_early`: ends of children whose number is not known yet."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._births: dict[int, Birth] = {}
        self._programs: dict[int, tuple[str, Container | None, Pod | None]] = {}
        self._early: dict[int, int] = {}
        self._poll = select.poll()
        self._operations: dict[str, Callable[[dict[str, Any], list[int]], Answer]] = {
            "pod": self._pod, "node": self._node, "remove": self._remove, "start": self._start, "exec": self._exec, "kill": self._kill,
            "sockets": self._sockets, "rules": self._rules, "address": self._address, "stats": self._stats, "unpack": self._unpack,
            "memory": self._memory, "discard": self._discard, "update": self._update,
            "expose": self._expose, "catch_all": self._catch_all, "namespace": self._namespace,
        }

    def run(self) -> None:
        """Until the main process is gone."""
        main, wake = self._state.main, self._catch_child_signals()
        network.set_up(self._state)
        self._poll.register(main, select.POLLIN)
        self._poll.register(wake, select.POLLIN)
        while True:
            ready = [number for number, _ in self._poll.poll()]
            for number in ready:
                if number in self._births:
                    self._hear(number)
            if wake in ready:
                os.read(wake, 4096)
            # also without a signal: one may have come for a child whose number was not known
            self._collect()
            if main.fileno() in ready and not self._serve_one():
                return

    def _catch_child_signals(self) -> int:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        return reader

    # --- requests ---
    def _serve_one(self) -> bool:
        got = passing.receive(self._state.main)
        if got is None:
            return False
        request, descriptors = got
        passed: list[int] = []
        try:
            answer = self._operations[request["do"]](request, descriptors)
            if answer is None:
                return True
            content, passed = answer
        except KeyError as error:
            content = {"error": "missing", "text": str(error.args[0])}
        except (NftError, NftMissing) as error:
            content = {"error": "rules", "text": str(error)}
        except OSError as error:
            content = {"error": "system", "errno": error.errno or errno.EIO, "text": calls.words(error)}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._answer(request, content, passed)
        for descriptor in passed:
            os.close(descriptor)
        return True

    def _answer(self, request: dict[str, Any], content: dict[str, Any], passed: list[int] | None = None) -> None:
        passing.send(self._state.main, {**content, "number": request["number"]}, passed or [])

    def _pod(self, request: dict[str, Any], _: list[int]) -> Answer:
        pods.run_pod(self._state, request)
        return {}, []

    def _node(self, request: dict[str, Any], _: list[int]) -> Answer:
        pods.add_node(self._state, request)
        return {}, []

    def _remove(self, request: dict[str, Any], _: list[int]) -> Answer:
        pods.remove_pod(self._state, request["id"])
        return {}, []

    def _sockets(self, request: dict[str, Any], _: list[int]) -> Answer:
        return {}, network.make_sockets(self._state, request["place"], udp=request["udp"], ipv6=request["ipv6"], count=request["count"])

    def _rules(self, request: dict[str, Any], _: list[int]) -> Answer:
        return {"said": network.run_rules(self._state, request["text"])}, []

    def _address(self, request: dict[str, Any], _: list[int]) -> Answer:
        (network.add_address if request["there"] else network.delete_address)(self._state, request["ip"])
        return {}, []

    def _expose(self, request: dict[str, Any], descriptors: list[int]) -> Answer:
        network.expose(self._state, descriptors[0], request["networks"])
        return {}, []

    def _catch_all(self, _: dict[str, Any], __: list[int]) -> Answer:
        network.catch_all(self._state)
        return {}, []

    def _namespace(self, _: dict[str, Any], __: list[int]) -> Answer:
        return {}, [os.dup(self._state.own["net"])]

    def _kill(self, request: dict[str, Any], _: list[int]) -> Answer:
        """`whole`: everything of the container; `reason`: why, to be told with its end."""
        for pid, (id, container, pod) in self._programs.items():
            if id != request["id"]:
                continue
            if container is not None and request["reason"]:
                container.reason = request["reason"]
            if request["whole"] and container is not None and pod is not None:
                pods.kill_container(pod, pid, container.space)
            else:
                os.kill(pid, request["signal"])
            return {}, []
        raise KeyError(request["id"])

    def _stats(self, request: dict[str, Any], _: list[int]) -> Answer:
        """`written`: what they wrote, too, which takes longer."""
        used, out = processes.by_mount_namespace(), {}
        for pod in self._state.pods.values():
            wrote = written.by_container(pod) if request["written"] else {}
            for container in pod.containers.values():
                use = used.get(container.space)
                if use is not None:
                    counted = container.group.memory() if container.group else None
                    memory = use.memory if counted is None else counted
                    out[container.id] = [use.cpu, memory, len(use.pids), wrote.get(container.id, 0)]
        return {"stats": out}, []

    def _memory(self, request: dict[str, Any], _: list[int]) -> Answer:
        """Of one container, pages shared by its processes counted once."""
        container = self._state.container(request["pod"], request["id"])
        use = processes.by_mount_namespace().get(container.space)
        return {"memory": processes.proportional_memory(use.pids) if use else 0}, []

    def _update(self, request: dict[str, Any], _: list[int]) -> Answer:
        containers.update(self._state, self._state.container(request["pod"], request["id"]), request["limits"])
        return {}, []

    # --- children ---
    def _start(self, request: dict[str, Any], descriptors: list[int]) -> Answer:
        pod = self._state.pods[request["pod"]]

        def done(birth: Birth, error: dict[str, Any] | None) -> None:
            if error is None:
                containers.begun(pod, container, birth)
                if pod.id not in self._state.pods:
                    pods.kill_container(pod, birth.pid, container.space)
            else:
                containers.clear(container)
            self._born(request, birth, error, (container.id, container, pod))

        container, birth = containers.start(self._state, request, descriptors, done)
        return self._await(birth)

    def _exec(self, request: dict[str, Any], descriptors: list[int]) -> Answer:
        def done(birth: Birth, error: dict[str, Any] | None) -> None:
            self._born(request, birth, error, (request["id"], None, None))

        return self._await(containers.execute(self._state, request, descriptors, done))

    def _unpack(self, request: dict[str, Any], _: list[int]) -> Answer:
        def done(birth: Birth, error: dict[str, Any] | None) -> None:
            self._answer(request, {"error": "unpack", **error} if error else {})

        kept = self._state.ids
        return self._await(spawn(lambda _: unpack.run(request["blob"], request["target"], request["diff"], kept), 0, None, done))

    def _discard(self, request: dict[str, Any], _: list[int]) -> Answer:
        def done(birth: Birth, error: dict[str, Any] | None) -> None:
            self._answer(request, {"error": "unpack", **error} if error else {})

        return self._await(spawn(lambda _: unpack.discard(request["path"]), 0, None, done))

    def _await(self, birth: Birth) -> Answer:
        self._births[birth.pipe] = birth
        self._early.pop(birth.pid, None)  # of another that had the number before
        self._poll.register(birth.pipe, select.POLLIN)
        return None

    def _hear(self, pipe: int) -> None:
        birth = self._births[pipe]
        if birth.hear():
            del self._births[pipe]
            self._poll.unregister(pipe)
            birth.finish()

    def _born(self, request: dict[str, Any], birth: Birth, error: dict[str, Any] | None,
              who: tuple[str, Container | None, Pod | None]) -> None:
        if error is not None:
            self._answer(request, {"error": "start", **error})
            return
        self._programs[birth.pid] = who
        self._answer(request, {"user": birth.user})

    def _collect(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            self._early[pid] = status
        for pid in [pid for pid in self._early if pid in self._programs]:
            self._ended(pid, self._early.pop(pid))
        if not self._births:
            self._early.clear()

    def _ended(self, pid: int, status: int) -> None:
        id, container, pod = self._programs.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        reason = ""
        if container is not None and pod is not None:
            reason = container.reason or ("OOMKilled" if container.group and code and container.group.out_of_memory() else "")
            pods.kill_container(pod, pid, container.space) if pod.init or pod.host_pid else None
            pod.containers.pop(container.id, None)
            containers.clear(container)
        told = {"exit": id, "code": code if code >= 0 else 128 - code, "signal": max(-code, 0), "reason": reason}
        passing.send(self._state.main, told)
