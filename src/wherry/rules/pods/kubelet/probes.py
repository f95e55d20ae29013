"""Probes of a container, counted: when the next attempt is due, and what a row of results means.

Called by the node's prober, which makes the attempts through the runtime. Startup first; the others begin once it has succeeded. Until the
first decision a container is alive, not ready, and (with a startup probe) not started. Invariant: a decision needs as many equal results in
a row as its threshold says.
Source of the rule: pkg/kubelet/prober (worker.go doProbe), kuberuntime_manager.go computePodActions;
https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wherry.api.objects import Obj

Kind = Literal["startup", "liveness", "readiness"]

_FIELDS: dict[Kind, str] = {"startup": "startupProbe", "liveness": "livenessProbe", "readiness": "readinessProbe"}
_TITLES: dict[Kind, str] = {"startup": "Startup", "liveness": "Liveness", "readiness": "Readiness"}


@dataclass(slots=True)
class Count:
    """One probe of one run of a container. `decided`: the last decision; `run`: equal results in a row."""

    kind: Kind
    spec: Obj
    decided: bool | None = None
    last: bool | None = None
    run: int = 0
    #: no more attempts until the container runs anew
    over: bool = False

    @property
    def period(self) -> float:
        """Seconds between attempts."""
        return float(self.spec.get("periodSeconds") or 10)

    @property
    def timeout(self) -> float:
        """Seconds an attempt may take."""
        return float(self.spec.get("timeoutSeconds") or 1)


def spec_of(container: Obj, kind: Kind) -> Obj | None:
    return container.get(_FIELDS[kind])


def has_any(container: Obj) -> bool:
    return "readinessProbe" in container or "livenessProbe" in container or "startupProbe" in container


def counts(container: Obj) -> list[Count]:
    """What is to be probed of a container that has just started, startup first."""
    return [Count(kind, spec) for kind in _FIELDS if (spec := spec_of(container, kind)) is not None]


def first_attempt(count: Count, container_started_at: float, now: float) -> float:
    """When the first attempt is due."""
    return max(container_started_at + (count.spec.get("initialDelaySeconds") or 0), now)


def result(count: Count, success: bool) -> bool | None:
    """Count one result. What is decided by it: it passes (True) or fails (False) from now on; None: as before."""
    count.run = count.run + 1 if count.last is success else 1
    count.last = success
    threshold = (count.spec.get("successThreshold") or 1) if success else (count.spec.get("failureThreshold") or 3)
    if count.run < threshold:
        return None
    changed, count.decided = count.decided is not success, success
    if count.kind == "startup" or (count.kind == "liveness" and not success):
        count.over, count.run = True, 0
    return success if changed else None


def unhealthy(kind: Kind, output: str) -> str:
    """The event of an attempt that failed."""
    return f"{_TITLES[kind]} probe failed: {output}"


def errored(kind: Kind, why: str) -> str:
    """The event of an attempt that could not be made; it does not count."""
    return f"{_TITLES[kind]} probe errored and resulted in unknown state: {why}"


def killing(container: Obj, role: str, kind: Kind, pod_spec: Obj) -> str:
    """The event of a container that is stopped because its liveness or startup probe failed."""
    if role == "sidecar":
        return f"Init container {container['name']} failed {kind} probe"
    own = container.get("restartPolicy") or pod_spec.get("restartPolicy") or "Always"
    again = ", will be restarted" if own != "Never" else ""
    return f"Container {container['name']} failed {kind} probe{again}"
