"""How each pod of a rehearsal behaves: drawn from the timings and the faults, once per pod. Called by the rehearsed runtime.

What somebody gave comes first, then a pod's own annotations (wherry.dev/simulated-...), then what was observed or assumed.
Pods that are there from the start go on as they are: one that is not ready long after its time stays so. With a seed the draws repeat.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from wherry.api import timestamps
from wherry.api.objects import Obj, annotations_of, uid
from wherry.kit.clock import Clock
from wherry.node.simulated import SimulatedRuntime
from wherry.rehearse.faults import PodFault
from wherry.rehearse.timings import Timings
from wherry.rehearse.world import World
from wherry.rules.pods.kubelet.simulation import PREFIX, Behaviour
from wherry.rules.pods.kubelet.simulation import Timings as NodeTimings
from wherry.rules.pods.states import is_ready


class Cast:
    """`begin` is called when the rollout begins: from then on new pods of the workload draw their faults."""

    def __init__(self, world: World, timings: Timings, faults: Sequence[PodFault], rng: random.Random) -> None:
        self._world = world
        self._timings = timings
        self._faults = faults
        self._rng = rng
        self._there = {uid(pod) for pod in world.own_pods}
        self._seen = 0
        self._begun = False
        self.struck: dict[str, str] = {}

    def begin(self) -> None:
        self._begun = True

    def behaviour(self, pod: Obj, plain: Behaviour, now: float) -> Behaviour:
        if uid(pod) in self._there:
            return self._as_it_is(pod, plain, now)
        if not self._world.is_own(pod):
            return plain
        plain = self._timed(pod, plain)
        return self._struck(pod, plain) if self._begun else plain

    def _timed(self, pod: Obj, plain: Behaviour) -> Behaviour:
        """What was given wins over the pod's annotations; what was only observed or assumed does not."""
        timings = self._timings
        ready = timings.ready or (0.0,)
        if "ready" in timings.given or f"{PREFIX}ready-seconds" not in annotations_of(pod):
            plain = replace(plain, ready=self._rng.choice(ready) if len(ready) > 1 else ready[0])
        if "terminate" in timings.given:
            plain = replace(plain, terminate=timings.terminate or 0.0)
        if "pull" in timings.given:
            plain = replace(plain, pull=timings.pull)
        return plain

    def _as_it_is(self, pod: Obj, plain: Behaviour, now: float) -> Behaviour:
        created = timestamps.parse(pod["metadata"]["creationTimestamp"])
        late = now - created > 2 * self._timings.longest + self._timings.pull + 60.0
        return replace(plain, never_ready=True) if late and not is_ready(pod) else plain

    def _struck(self, pod: Obj, plain: Behaviour) -> Behaviour:
        self._seen += 1
        for fault in self._faults:
            if self._seen <= fault.count or (fault.share and self._rng.random() < fault.share):
                self.struck[pod["metadata"]["name"]] = fault.what
                if fault.what == "never-ready":
                    return replace(plain, never_ready=True)
                if fault.what == "slow":
                    return replace(plain, ready=fault.seconds)
                return replace(plain, run=fault.seconds, exit_code=1, told=True)
        return plain


class RehearsedRuntime(SimulatedRuntime):
    """The simulated runtime, with a cast. A world holds no ConfigMaps and Secrets, so what pods take from them is not judged."""

    config: Literal["nothing", "faults", "all"] = "nothing"

    def __init__(self, clock: Clock, timings: Timings, missing: Sequence[str], cast: Cast) -> None:
        plain = NodeTimings(pull=timings.pull, ready=timings.typical, terminate=timings.terminate or 0.0)
        super().__init__(clock, plain, missing)
        self._cast = cast

    def _of(self, pod: Obj) -> Any:
        new = uid(pod) not in self._pods
        run = super()._of(pod)
        if new:
            played = replace(self._cast.behaviour(pod, run.behaviour, self._clock.now()), probed=False)
            run.behaviour = played
        return run
