"""What real nodes do beside running pods: pressure, logs, images, volumes that follow their sources, pods from a folder, the end in order.

Built and run by the real nodes, a task each; one that fails ends the nodes' component, which is started again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.api.errors import StatusError
from wherry.api.objects import name, namespace
from wherry.node.engine import Engine, Usage
from wherry.node.real import measuring
from wherry.node.real.image_collection import ImageCollection
from wherry.node.real.log_rotation import LogRotation
from wherry.node.real.measuring import Folders
from wherry.node.real.pressure import Pressure
from wherry.node.real.runtime import RealRuntime
from wherry.node.worker import PodWorker
from wherry.rules.pods.kubelet import eviction
from wherry.rules.pods.kubelet.configuration import KubeletConfiguration
from wherry.rules.pods.kubelet.eviction import Observation, PodUse
from wherry.rules.pods.kubelet.node_object import NodeFacts
from wherry.rules.pods.kubelet.references import of_volumes

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.node.real.nodes import RealNodes

log = logging.getLogger(__name__)

#: seconds between two looks at what volumes are made of
_REFRESH = 20.0


class Upkeep:
    """`folder`: on the disk of pods and images."""

    def __init__(self, nodes: RealNodes, engine: Engine, runtime: RealRuntime, configuration: KubeletConfiguration, folder: Path) -> None:
        self._nodes, self._engine, self._runtime = nodes, engine, runtime
        self.clock, self._folder = nodes.clock, folder
        self.pressure = Pressure(self, configuration, folder)
        self.images = ImageCollection(engine, nodes.clock, configuration, folder, self._images_in_use, self._tell)
        self.logs = LogRotation(engine, nodes.clock, configuration, runtime.running_logs)
        self.static = nodes.static_pods(Path(configuration.static_pods)) if configuration.static_pods else None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for work in (self.pressure.run, self.images.run, self.logs.run, self._refresh):
                group.create_task(work())
            if self.static is not None:
                group.create_task(self.static.run())

    def facts(self) -> NodeFacts:
        """What the nodes' statuses say now."""
        return NodeFacts(self.pressure.now, self.images.listed, self._engine.trouble())

    async def storage(self, used: Mapping[str, Usage]) -> tuple[Mapping[str, Observation], Mapping[str, PodUse]]:
        folders = self.folders()
        return await asyncio.to_thread(lambda: (measuring.machine(self._folder), measuring.pods(folders, used)))

    def stands(self, pod: Obj | None) -> bool:
        """Is it a mirror pod whose static pod is to run?"""
        return pod is not None and self.static is not None and self.static.keeps(pod)

    def refusal(self, pod: Obj) -> str:
        return eviction.refusal(pod, self.pressure.now)

    # --- what the parts ask ---
    @property
    def node_names(self) -> list[str]:
        return self._nodes.node_names

    def workers(self) -> list[PodWorker]:
        return self._nodes.workers()

    def node_event(self, node: str, type_: str, reason: str, message: str) -> None:
        self._nodes.node_event(node, type_, reason, message)

    def folders(self) -> dict[str, Folders]:
        return self._runtime.folders()

    async def stats(self) -> Mapping[str, Usage]:
        return await self._engine.stats()

    async def free_images(self) -> int:
        return await self.images.free()

    def _images_in_use(self) -> set[str]:
        return {container.image_id for worker in self.workers() for container in worker.containers}

    def _tell(self, type_: str, reason: str, message: str) -> None:
        for node in self.node_names:
            self.node_event(node, type_, reason, message)

    async def _refresh(self) -> None:
        while True:
            await self.clock.sleep(_REFRESH)
            for worker in self.workers():
                refs = of_volumes(worker.pod["spec"], credentials=True)
                if worker.sandbox != "ready" or worker.ends or not refs:
                    continue
                pod = worker.pod
                try:
                    self._runtime.refresh(pod, await self._nodes.look_up(namespace(pod), refs))
                except (StatusError, OSError) as error:
                    log.info("volumes of %s stay as they are: %s", name(pod), error)
