"""`cluster.faults`: what goes wrong on purpose, by plain calls, from YAML, and undone again.

A call puts a fault in force at once and gives a handle: a context manager, or `stop()`. It may be made from any thread, in a plain `with`
and in an `async with` alike. The same faults by annotation: rules.pods.kubelet.simulation (pods), node.node_faults (nodes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from wherry.faults import where
from wherry.faults.api import ApiFault, ApiFaults
from wherry.faults.pods import Fault, ImageFault, PodFault, SlowNode
from wherry.faults.where import glob
from wherry.kit.durations import Duration, seconds

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.node.simulated_nodes import SimulatedNodes

Action = Callable[[], None]


class Handle:
    """A fault in force. `stop` takes it back; more than once does nothing more."""

    def __init__(self, owner: Faults, name: str, undo: Action, fault: ApiFault | None = None) -> None:
        self._owner = owner
        self._undo: Action | None = undo
        self._fault = fault
        self.name = name

    @property
    def struck(self) -> int:
        """How many requests a fault of the API has struck."""
        return self._fault.struck if self._fault is not None else 0

    def stop(self) -> None:
        undo, self._undo = self._undo, None
        if undo is not None:
            self._owner.forget(self)
            self._owner.tell(undo)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._owner.remember(error)
        self.stop()

    def __repr__(self) -> str:
        return f"<fault {self.name}{'' if self._undo else ', stopped'}>"


class Faults:
    """Pods: "web-*", "ns/web-*", or a label selector. Nodes, images (with their tag), resources, clients: globs. Times: "30s", 30."""

    def __init__(self, cluster: Cluster, api: ApiFaults) -> None:
        self._cluster = cluster
        self._api = api
        self._named: set[int] = set()
        self.active: list[Handle] = []

    # --- images ---
    def image_missing(self, image: str, *, node: str = "") -> Handle:
        """Images that cannot be pulled (where they are not on a node already)."""
        return self._pods(f"image_missing {image}", ImageFault(image, None, node))

    def image_slow(self, image: str, time: Duration, *, node: str = "") -> Handle:
        """Images that take that long to pull."""
        return self._pods(f"image_slow {image}", ImageFault(image, seconds(time), node))

    # --- containers ---
    def crash(self, pods: str, *, exit_code: int = 1, after: Duration = 0, container: str = "") -> Handle:
        """Containers exit with that code, so long after their start (those that are older: now)."""
        if not 0 <= exit_code <= 255:
            raise ValueError(f"an exit code is between 0 and 255, not {exit_code}")
        return self._strike("crash", pods, container, run=seconds(after), exit_code=exit_code, oom=False, told=True)

    def oom_kill(self, pods: str, *, after: Duration = 0, container: str = "") -> Handle:
        """Containers take too much memory and are killed: OOMKilled, 137."""
        return self._strike("oom_kill", pods, container, run=seconds(after), oom=True, told=True)

    def never_ready(self, pods: str, *, container: str = "") -> Handle:
        """Readiness is never reached; what is ready is so no longer."""
        return self._strike("never_ready", pods, container, never_ready=True)

    def slow_ready(self, pods: str, delay: Duration, *, container: str = "") -> Handle:
        """Containers become ready that long after their start."""
        return self._strike("slow_ready", pods, container, ready=seconds(delay), never_ready=False)

    def flapping(self, pods: str, period: Duration = "10s", *, container: str = "") -> Handle:
        """A readiness probe that passes for a period, fails for one, and so on."""
        return self._strike("flapping", pods, container, flapping=seconds(period))

    def slow_termination(self, pods: str, time: Duration, *, container: str = "") -> Handle:
        """Containers take that long to end; those that take longer than their grace are killed."""
        return self._strike("slow_termination", pods, container, terminate=seconds(time))

    # --- nodes ---
    def node_lost(self, node: str) -> Handle:
        """The machine is off: no heartbeat, nothing happens to its pods."""
        return self._nodes("node_lost", node, lambda nodes, each: nodes.fail(each), lambda nodes, each: nodes.recover(each))

    def node_cut(self, node: str) -> Handle:
        """The node's network is cut: its pods run on, but it says nothing and hears nothing."""
        return self._nodes("node_cut", node, lambda nodes, each: nodes.cut(each), lambda nodes, each: nodes.heal(each))

    def node_slow(self, node: str, more: Duration) -> Handle:
        """Pulling, starting, becoming ready and ending take that much longer there."""
        return self._pods(f"node_slow {node}", SlowNode(node, seconds(more)))

    def clock_skew(self, by: float, *, node: str = "") -> Handle:
        """The wall clock is `by` seconds ahead (negative: behind): the cluster's, or only that of nodes, which their heartbeats tell."""
        if node:
            return self._nodes(
                "clock_skew", node, lambda nodes, each: nodes.skew.update({each: by}), lambda nodes, each: nodes.skew.update({each: 0.0})
            )
        clock = self._cluster.own_clock
        return self._start(f"clock_skew {by:+g}s", lambda: clock.shift(by), lambda: clock.shift(-by))

    # --- the API ---
    def api_error(self, code: int = 500, *, retry_after: int = 1, delay: Duration = 0, **requests: Any) -> Handle:
        """Requests are answered with an error: 429, 500, 503, 504 as the reference words them, or any other code.

        `requests`: globs `verb` ("update|patch"), `resource`, `namespace`, `name`, `client` (User-Agent or user name, or a component as
        kube-controller-manager), and `times` (how many) and `share` (of 1).
        """
        if not 400 <= code <= 599:
            raise ValueError(f"an error has a code between 400 and 599, not {code}")
        return self._requests("api_error", ApiFault("answer", code=code, retry_after=retry_after, delay=seconds(delay), **requests))

    def api_conflict(self, **requests: Any) -> Handle:
        """Updates and patches find that another was quicker."""
        return self._requests("api_conflict", ApiFault("answer", code=409, **{"verb": "update|patch", **requests}))

    def api_timeout(self, after: Duration = 0, **requests: Any) -> Handle:
        """Requests are answered 504, after some time."""
        return self._requests("api_timeout", ApiFault("answer", code=504, delay=seconds(after), **requests))

    def api_slow(self, delay: Duration, **requests: Any) -> Handle:
        """Requests are held up, and then served."""
        return self._requests("api_slow", ApiFault("delay", delay=seconds(delay), **requests))

    def api_dropped(self, **requests: Any) -> Handle:
        """Connections end without an answer."""
        return self._requests("api_dropped", ApiFault("drop", **requests))

    def watch_cut(self, after: Duration = 0, **requests: Any) -> Handle:
        """Watches end in the middle: those under way and new ones."""
        return self._requests("watch_cut", ApiFault("cut", delay=seconds(after), **{"verb": "watch", **requests}))

    # --- all ---
    def load(self, source: str | Path | Mapping[str, Any] | list[Any]) -> list[Handle]:
        """Faults from a YAML file, or from what such a file says. Raises ValueError."""
        from wherry.cluster.fault_files import read

        return [getattr(self, name)(*args, **options) for name, args, options in read(source)]

    def clear(self) -> None:
        """Takes back everything in force (but not what annotations ask for)."""
        for handle in list(self.active):
            handle.stop()

    def tell(self, action: Action) -> None:
        """On the cluster's loop, and done when this returns."""
        self._cluster.tell(action)

    def remember(self, error: BaseException) -> None:
        """An error leaves the `with` of a fault: what the cluster holds now is kept on it, for the report of a failed test."""
        from wherry.cluster import moments

        if self._cluster.has_thread:
            moments.keep(error, self._cluster.call(moments.take(self._cluster)))

    def forget(self, handle: Handle) -> None:
        self.active.remove(handle)

    # --- helpers ---
    def _start(self, name: str, do: Action, undo: Action, fault: ApiFault | None = None) -> Handle:
        handle = Handle(self, name, undo, fault)
        self.tell(do)
        self.active.append(handle)
        return handle

    def _strike(self, name: str, pods: str, container: str, **changes: Any) -> Handle:
        return self._pods(f"{name} {pods}", PodFault(where.pods(pods), changes, container))

    def _pods(self, name: str, fault: Fault) -> Handle:
        faults = self._simulated().faults
        return self._start(name, lambda: faults.add(fault), lambda: faults.remove(fault))

    def _nodes(self, name: str, pattern: str, do: Callable[[Any, str], None], undo: Callable[[Any, str], None]) -> Handle:
        nodes = self._simulated()
        struck = [each for each in nodes.node_names if glob(pattern, each)]
        if not struck:
            raise ValueError(f"no node is called {pattern}; there are {', '.join(nodes.node_names)}")

        def each(action: Callable[[Any, str], None]) -> Action:
            def act() -> None:
                for node in struck:
                    action(nodes, node)

            return act

        return self._start(f"{name} {pattern}", each(do), each(undo))

    def _requests(self, name: str, fault: ApiFault) -> Handle:
        if not 0.0 < fault.share <= 1.0:
            raise ValueError(f"a share is above 0 and at most 1, not {fault.share}")
        if self._cluster.options.processes > 1:
            raise ValueError("faults of the API are put in the way by one process: not in a cluster with `processes`")

        def start() -> None:
            self._strike_components(fault.client)
            self._api.active.append(fault)
            server = self._cluster.server
            if fault.does == "cut" and server is not None and server.interference is not None:
                server.interference.cut(fault)

        def stop() -> None:
            if fault in self._api.active:
                self._api.active.remove(fault)

        return self._start(f"{name} {fault.verb} {fault.resource}", start, stop, fault)

    def _strike_components(self, client: str) -> None:
        """Components that the fault names are asked about it from now on."""
        from wherry.faults.struck import strike

        for manager, each in self._cluster.clients:
            if client and glob(client, manager) and id(each) not in self._named:
                self._named.add(id(each))
                strike(each, self._api, manager, self._cluster.own_clock.sleep)

    def _simulated(self) -> SimulatedNodes:
        nodes = self._cluster.nodes
        if nodes is None or not hasattr(nodes, "faults"):
            raise RuntimeError("faults of pods and nodes need simulated nodes, and this cluster runs none")
        return nodes
