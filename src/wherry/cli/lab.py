"""The rollout lab: the steps everybody learns rollouts with, each with the state it must reach.

Called by `wherry demo`. Where pods run programs a Service is asked all the while, and no request may fail. Invariant: what a step shows is
what it does, so that the same commands by hand give the same history, and what it says it has looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from wherry.api.objects import Obj, annotations_of, controller_of
from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH, WriteOptions
from wherry.api.resources import resource
from wherry.cli.lab_traffic import PORT, Traffic, server
from wherry.client.follow import follow
from wherry.rollout import Rollout
from wherry.rollout.revisions import CHANGE_CAUSE, REVISION

NAME = "demo-app"
#: why the last undo was made
REASON = "back to the first stable release, 1.21"
DEPLOYMENTS = resource("deployments", "apps")
REPLICA_SETS = resource("replicasets", "apps")
PODS, SERVICES = resource("pods"), resource("services")
#: seconds a step may take
LIMIT = 60.0
#: seconds between two looks at the cluster
FRAME = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One revision on the screen: how many of its pods are ready, not ready yet, and on their way out."""

    revision: int
    image: str
    ready: int
    waiting: int
    leaving: int
    trouble: str
    #: its change-cause, as the history shows it
    cause: str = ""


class Screen(Protocol):
    def step(self, number: int, total: int, commands: Sequence[str]) -> None: ...
    def show(self, rows: list[Row], replicas: int, requests: str = "") -> None: ...
    def reached(self, text: str, ok: bool) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


Check = Callable[[list[Row], Obj], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """`reached` may name {lowest}: the fewest available pods while it went on, which must not be below what the rollout promises."""

    commands: tuple[str, ...]
    act: Callable[[], Awaitable[Any]]
    reached: str
    check: Check


def _annotate(cause: str) -> str:
    return f'kubectl annotate deployment/{NAME} {CHANGE_CAUSE}="{cause}" --overwrite'


class Lab:
    """`run` plays all steps; True when every one reached its state."""

    def __init__(self, cluster: Any, screen: Screen, replicas: int, pace: float, traffic: Traffic | None = None) -> None:
        """`traffic`: asks the Service; None where pods are simulated."""
        self._client = cluster.client
        self._clock = cluster.clock
        self._screen = screen
        self._replicas = replicas
        self._pace = pace
        self._traffic = traffic
        #: revisions by template hash
        self._revisions: dict[str, int] = {}
        self._address = ""
        self._rollout = Rollout(self._client, f"deployment/{NAME}", now=self._clock.now)

    async def run(self) -> bool:
        steps = self._steps()
        for number, step in enumerate(steps, 1):
            self._screen.step(number, len(steps), step.commands)
            if self._traffic is not None:
                self._traffic.answered.clear()  # who answers in this step
            async with self._available() as seen:
                await step.act()
                ok = await self._until(step.check)
            lowest = min(seen, default=0)
            ok = ok and ("{lowest}" not in step.reached or lowest >= self._promised)
            ok = ok and not (self._traffic is not None and self._traffic.failed)
            requests = f"; {self._requests}" if self._traffic is not None else ""
            self._screen.reached(step.reached.format(lowest=lowest, wanted=self._replicas) + requests, ok)
            if not ok:
                return False
            await self._clock.sleep(0.4 * self._pace)
        await self._history()
        return True

    @property
    def _promised(self) -> int:
        """How many pods a rolling update keeps available with the default maxUnavailable, 25 % rounded down."""
        return self._replicas - self._replicas // 4

    @asynccontextmanager
    async def _available(self) -> AsyncIterator[list[int]]:
        """The numbers of available pods that the Deployment has had meanwhile, by every version of it."""
        seen: list[int] = []

        async def watch() -> None:
            async with aclosing(follow(self._client, DEPLOYMENTS, "default", NAME)) as versions:  # type: ignore[type-var]
                async for version in versions:
                    if version is not None:
                        seen.append((version.get("status") or {}).get("availableReplicas", 0))

        watching = asyncio.create_task(watch())
        try:
            yield seen
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _steps(self) -> list[Step]:
        deployment = f"deployment/{NAME}"
        return [
            Step(
                (f"kubectl create deployment {NAME} --image=nginx:1.21 --replicas={self._replicas}",
                 *([f"kubectl expose deployment {NAME} --port=80 --target-port={PORT}"] if self._traffic is not None else [])),
                self._create,
                "revision 1 is rolled out",
                self._complete("nginx:1.21", 1),
            ),
            Step(
                (f"kubectl set image {deployment} nginx=nginx:1.23", _annotate("nginx 1.23")),
                lambda: self._image("nginx:1.23", "nginx 1.23"),
                "revision 2 has replaced revision 1; {lowest} of {wanted} pods or more were available all the time",
                self._complete("nginx:1.23", 2),
            ),
            Step(
                (f"kubectl set image {deployment} nginx=nginx:999.999", _annotate("a release that does not exist")),
                lambda: self._image("nginx:999.999", "a release that does not exist"),
                "revision 3 sticks: its image cannot be pulled; {lowest} old pods keep serving",
                self._stuck,
            ),
            Step(
                (f"kubectl rollout undo {deployment}",),
                self._rollout.undo,
                "back on nginx:1.23, which is revision 4 now",
                self._complete("nginx:1.23", 4),
            ),
            Step(
                (f"kubectl rollout restart {deployment}",),
                self._rollout.restart,
                "every pod is new, the image the same: revision 5; {lowest} of {wanted} pods or more were available",
                self._complete("nginx:1.23", 5),
            ),
            Step(
                (f"kubectl rollout undo {deployment} --to-revision=1",),
                lambda: self._rollout.undo(1),
                "revision 1 came back as revision 6",
                self._complete("nginx:1.21", 6),
            ),
            Step(
                (_annotate(REASON),),
                lambda: self._cause(REASON),
                "the reason stands in the history",
                lambda rows, web: rows[-1].revision == 6 and rows[-1].cause == REASON,
            ),
        ]

    # --- actions ---
    async def _create(self) -> None:
        labels = {"app": NAME}
        container, volumes = server() if self._traffic is not None else ({}, [])
        container = {"name": "nginx", "image": "nginx:1.21", **container}
        await self._client.create(
            DEPLOYMENTS,
            "default",
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": NAME, "labels": labels},
                "spec": {
                    "replicas": self._replicas,
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [container], **({"volumes": volumes} if volumes else {})},
                    },
                },
            },
        )
        if self._traffic is not None:
            spec = {"selector": labels, "ports": [{"port": 80, "targetPort": PORT}]}
            made = await self._client.create(SERVICES, "default", {"metadata": {"name": NAME}, "spec": spec})
            self._address = str(made["spec"]["clusterIP"])

    def _ask(self, rows: list[Row]) -> None:
        """Requests begin with the first pod that is ready."""
        if self._traffic is not None and self._address and any(row.ready for row in rows):
            self._traffic.begin(self._address, 80)
            self._address = ""

    @property
    def _requests(self) -> str:
        return self._traffic.told(self._revisions) if self._traffic is not None else ""

    async def _image(self, image: str, cause: str) -> None:
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": image}]}}}}
        await self._client.patch(DEPLOYMENTS, "default", NAME, patch, STRATEGIC_PATCH, options=WriteOptions(field_manager="kubectl-set"))
        await self._cause(cause)

    async def _cause(self, cause: str) -> None:
        patch = {"metadata": {"annotations": {CHANGE_CAUSE: cause}}}
        options = WriteOptions(field_manager="kubectl-annotate")
        await self._client.patch(DEPLOYMENTS, "default", NAME, patch, MERGE_PATCH, options=options)

    # --- states ---
    def _complete(self, image: str, revision: int) -> Check:
        def check(rows: list[Row], web: Obj) -> bool:
            live = [r for r in rows if r.ready + r.waiting + r.leaving]
            return (
                annotations_of(web).get(REVISION) == str(revision)
                and len(live) == 1
                and live[0].image == image
                and (live[0].ready, live[0].waiting, live[0].leaving) == (self._replicas, 0, 0)
            )

        return check

    def _stuck(self, rows: list[Row], web: Obj) -> bool:
        old, new = rows[-2], rows[-1]
        return new.image == "nginx:999.999" and new.trouble == "ImagePullBackOff" and old.ready >= self._promised and old.leaving == 0

    async def _until(self, check: Check) -> bool:
        """Show the cluster until the state is there, for as long as a step may take."""
        end = self._clock.now() + LIMIT
        while self._clock.now() < end:
            web = await self._rollout.workload()
            rows = await self._rows()
            self._ask(rows)
            self._screen.show(rows, self._replicas, self._requests)
            if rows and check(rows, web):
                return True
            await self._clock.sleep(FRAME)
        return False

    async def _rows(self) -> list[Row]:
        sets = (await self._client.list(REPLICA_SETS, "default")).items
        pods: dict[str, list[Obj]] = {}
        for pod in (await self._client.list(PODS, "default")).items:
            owner = controller_of(pod)
            if owner is not None:
                pods.setdefault(owner["uid"], []).append(pod)
        rows = [_row(rs, pods.get(rs["metadata"]["uid"], [])) for rs in sets]
        self._revisions = {rs["metadata"]["labels"]["pod-template-hash"]: row.revision for rs, row in zip(sets, rows, strict=True)}
        return sorted(rows, key=lambda row: row.revision)

    async def _history(self) -> None:
        lines = ["REVISION  CHANGE-CAUSE"]
        lines += [f"{r.number:<9} {r.change_cause or '<none>'}" for r in await self._rollout.history()]
        self._screen.note(f"kubectl rollout history deployment/{NAME}\n" + "\n".join(lines))


def _row(rs: Obj, pods: list[Obj]) -> Row:
    leaving = [p for p in pods if p["metadata"].get("deletionTimestamp")]
    staying = [p for p in pods if not p["metadata"].get("deletionTimestamp")]
    ready = sum(1 for p in staying if _is_ready(p))
    trouble = next((reason for p in staying if (reason := _trouble(p))), "")
    return Row(
        int(annotations_of(rs).get(REVISION, "0")),
        rs["spec"]["template"]["spec"]["containers"][0]["image"],
        ready,
        len(staying) - ready,
        len(leaving),
        trouble,
        annotations_of(rs).get(CHANGE_CAUSE, ""),
    )


def _is_ready(pod: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in (pod.get("status") or {}).get("conditions") or ())


def _trouble(pod: Obj) -> str:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        reason = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
        if reason and reason != "ContainerCreating":
            return str(reason)
    return ""
