"""A KubeletConfiguration, as far as these nodes keep one: from the file's content to values, and back for `/configz`.

Called when nodes that run programs are built. What is given and not kept here is refused by its name, never ignored. Two defaults are not
the reference's: a cluster on one's own machine neither throws out pods nor deletes images because that machine's disk is nearly full
(`nodefs.available`, `imageGCHighThresholdPercent`), as kind has it.
Source of the fields, defaults and texts: https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.configuration_values import duration, percent_of, shown_duration

API_VERSION, KIND = "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"
#: one that says nothing
NOTHING: Obj = {"kind": KIND, "apiVersion": API_VERSION}
SIGNALS = ("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree", "pid.available")
_DEFAULT_HARD = {"memory.available": "100Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%",
                 "imagefs.inodesFree": "1%"}
_CRITICAL_PRIORITY = 2_000_000_000


class ConfigurationError(ValueError):
    """str() is what is wrong, with the field."""


class Threshold(NamedTuple):
    """Pressure when less than this is left: of `signal`, a share of the capacity (0 to 1) or an amount. `grace`: seconds; hard has none.

    `reclaim`: as much more has to be free before it is over.
    """

    signal: str
    share: float = 0.0
    amount: int = 0
    grace: float = 0.0
    hard: bool = True
    reclaim_share: float = 0.0
    reclaim_amount: int = 0

    def least(self, capacity: int) -> int:
        return int(self.share * capacity) if self.share else self.amount

    def reclaimed(self, capacity: int) -> int:
        """What has to be left for the pressure to be over."""
        return self.least(capacity) + (int(self.reclaim_share * capacity) if self.reclaim_share else self.reclaim_amount)


class ShutdownStep(NamedTuple):
    """Pods from this priority on get so many seconds to end."""

    priority: int
    seconds: float


@dataclass(frozen=True, slots=True)
class KubeletConfiguration:
    """Times in seconds, sizes in bytes. `shutdown` (): the node's end ends no pod in order."""

    thresholds: tuple[Threshold, ...] = ()
    transition: float = 300.0
    most_eviction_grace: float = 0.0
    image_high: int = 100
    image_low: int = 80
    image_least_age: float = 120.0
    image_most_age: float = 0.0
    log_size: int = 10 << 20
    log_files: int = 5
    log_look: float = 10.0
    static_pods: str = ""
    static_look: float = 20.0
    shutdown: tuple[ShutdownStep, ...] = ()
    shutdown_asked: bool = False
    said: Mapping[str, Any] = field(default_factory=dict)


def read(content: Any) -> KubeletConfiguration:
    """Raises ConfigurationError."""
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("apiVersion") != API_VERSION:
        raise ConfigurationError(f"not a {KIND} of {API_VERSION}")
    given = {name: value for name, value in content.items() if name not in ("kind", "apiVersion") and value is not None}
    for name in given:
        if name not in _KEPT:
            raise ConfigurationError(f"{name}: not kept on these nodes; what is: {', '.join(_KEPT)}")
    values: dict[str, Any] = {}
    for name, (into, convert) in _PLAIN.items():
        if name in given:
            values[into] = _converted(name, given[name], convert)
    values["thresholds"] = _thresholds(given)
    values["shutdown"], values["shutdown_asked"] = _shutdown(given)
    made = KubeletConfiguration(**values, said=given)
    _check(made)
    return made


def _converted(name: str, value: Any, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(value)
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{name}: {value!r} cannot be read: {error}") from error


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a whole number is needed")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text is needed")
    return value


_PLAIN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "evictionPressureTransitionPeriod": ("transition", duration),
    "evictionMaxPodGracePeriod": ("most_eviction_grace", lambda value: float(_whole(value))),
    "imageGCHighThresholdPercent": ("image_high", _whole),
    "imageGCLowThresholdPercent": ("image_low", _whole),
    "imageMinimumGCAge": ("image_least_age", duration),
    "imageMaximumGCAge": ("image_most_age", duration),
    "containerLogMaxSize": ("log_size", quantity.to_int),
    "containerLogMaxFiles": ("log_files", _whole),
    "containerLogMonitorInterval": ("log_look", duration),
    "staticPodPath": ("static_pods", _text),
    "fileCheckFrequency": ("static_look", duration),
}
_KEPT = (*_PLAIN, "evictionHard", "evictionSoft", "evictionSoftGracePeriod", "evictionMinimumReclaim", "mergeDefaultEvictionSettings",
         "shutdownGracePeriod", "shutdownGracePeriodCriticalPods", "shutdownGracePeriodByPodPriority")


def _check(made: KubeletConfiguration) -> None:
    for name, share in (("imageGCHighThresholdPercent", made.image_high), ("imageGCLowThresholdPercent", made.image_low)):
        if not 0 <= share <= 100:
            raise ConfigurationError(f"{name}: must be between 0 and 100, not {share}")
    if "imageGCHighThresholdPercent" in made.said and made.image_low >= made.image_high:
        raise ConfigurationError(f"imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent {made.image_high}")
    if made.image_most_age and made.image_most_age <= made.image_least_age:
        raise ConfigurationError("imageMaximumGCAge: must be greater than imageMinimumGCAge")
    if made.log_files <= 1:
        raise ConfigurationError(f"containerLogMaxFiles: {made.log_files} must be greater than 1")
    if made.log_look < 3:
        raise ConfigurationError("containerLogMonitorInterval: must be 3s or more")


# --- eviction ---
def _thresholds(given: Mapping[str, Any]) -> tuple[Threshold, ...]:
    hard = _statements("evictionHard", given)
    if "evictionHard" not in given:
        hard = dict(_DEFAULT_HARD)
    elif given.get("mergeDefaultEvictionSettings"):
        hard = {**_DEFAULT_HARD, **hard}
    soft, graces = _statements("evictionSoft", given), _statements("evictionSoftGracePeriod", given)
    reclaims = _statements("evictionMinimumReclaim", given)
    found = [_threshold("evictionHard", signal, text, reclaims) for signal, text in hard.items()]
    for signal, text in soft.items():
        if signal not in graces:
            raise ConfigurationError(f"grace period must be specified for the soft eviction threshold {signal}")
        grace = _converted("evictionSoftGracePeriod", graces[signal], duration)
        made = _threshold("evictionSoft", signal, text, reclaims)
        found.append(made._replace(grace=grace, hard=False) if made is not None else None)
    return tuple(each for each in found if each is not None)


def _statements(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    said = given.get(name) or {}
    if not isinstance(said, dict):
        raise ConfigurationError(f"{name}: signals and values are needed, not {said!r}")
    for signal in said:
        if signal not in SIGNALS:
            raise ConfigurationError(f"{name}: unsupported eviction signal {signal}")
    return {signal: str(text) for signal, text in said.items()}


def _threshold(name: str, signal: str, text: str, reclaims: Mapping[str, str]) -> Threshold | None:
    """None for 0% and 100%, which mean none."""
    if text in ("0%", "100%"):
        return None
    share, amount = _converted(name, text, percent_of)
    more_share, more = _converted("evictionMinimumReclaim", reclaims.get(signal, "0"), percent_of)
    return Threshold(signal, share, amount, reclaim_share=more_share, reclaim_amount=more)


# --- the end of the node ---
def _shutdown(given: Mapping[str, Any]) -> tuple[tuple[ShutdownStep, ...], bool]:
    steps = given.get("shutdownGracePeriodByPodPriority")
    whole = _converted("shutdownGracePeriod", given.get("shutdownGracePeriod", "0s"), duration)
    critical = _converted("shutdownGracePeriodCriticalPods", given.get("shutdownGracePeriodCriticalPods", "0s"), duration)
    if steps and (whole or critical):
        raise ConfigurationError("shutdownGracePeriodByPodPriority: cannot be given together with shutdownGracePeriod")
    if steps:
        made = [_converted("shutdownGracePeriodByPodPriority", step, _step) for step in steps]
        return tuple(sorted(made)), True
    if critical > whole:
        raise ConfigurationError("shutdownGracePeriodCriticalPods: must not be more than shutdownGracePeriod")
    return by_phases(whole, critical), bool(whole)


def by_phases(whole: float, critical: float) -> tuple[ShutdownStep, ...]:
    """Ordinary pods first, then with the last `critical` seconds those that the system needs."""
    return (ShutdownStep(0, whole - critical), ShutdownStep(_CRITICAL_PRIORITY, critical)) if whole else ()


def _step(said: Any) -> ShutdownStep:
    return ShutdownStep(_whole(said["priority"]), float(_whole(said["shutdownGracePeriodSeconds"])))


# --- what is shown ---
def shown(configuration: KubeletConfiguration, own: Mapping[str, Any]) -> Obj:
    """As `/configz` shows it: what holds of the reference's defaults, what was given, and `own`, which the node knows itself."""
    hard = {each.signal: f"{each.share * 100:g}%" if each.share else str(each.amount) for each in configuration.thresholds if each.hard}
    now: Obj = {
        "evictionHard": hard, "evictionPressureTransitionPeriod": shown_duration(configuration.transition),
        "imageGCHighThresholdPercent": configuration.image_high, "imageGCLowThresholdPercent": configuration.image_low,
        "imageMinimumGCAge": shown_duration(configuration.image_least_age),
        "imageMaximumGCAge": shown_duration(configuration.image_most_age),
        "containerLogMaxSize": str(configuration.log_size), "containerLogMaxFiles": configuration.log_files,
        "containerLogMonitorInterval": shown_duration(configuration.log_look), "containerLogMaxWorkers": 1,
        "fileCheckFrequency": shown_duration(configuration.static_look),
        "shutdownGracePeriod": shown_duration(sum(step.seconds for step in configuration.shutdown)),
        "shutdownGracePeriodCriticalPods": "0s",
    }  # fmt: skip
    return {"kind": KIND, "apiVersion": API_VERSION, **_HOLDS, **now, **configuration.said, **own}


#: the reference's defaults that are so here, too
_HOLDS: Obj = {
    "enableServer": True, "nodeStatusUpdateFrequency": "10s", "nodeStatusReportFrequency": "5m0s", "nodeLeaseDurationSeconds": 40,
    "nodeStatusMaxImages": 50, "clusterDomain": "cluster.local", "registerNode": True, "serializeImagePulls": False,
    "localStorageCapacityIsolation": True, "enableControllerAttachDetach": True, "seccompDefault": False, "failSwapOn": False,
    "failCgroupV1": False, "cpuManagerPolicy": "none", "memoryManagerPolicy": "None", "topologyManagerPolicy": "none",
    "mergeDefaultEvictionSettings": False, "crashLoopBackOff": {"maxContainerRestartPeriod": "5m0s"}, "cpuCFSQuota": True,
    "cpuCFSQuotaPeriod": "100ms", "configMapAndSecretChangeDetectionStrategy": "Get", "podPidsLimit": -1,
    "streamingConnectionIdleTimeout": "0s", "syncFrequency": "20s", "enableDebuggingHandlers": True, "cgroupsPerQOS": False,
    "memorySwap": {}, "enforceNodeAllocatable": [], "hairpinMode": "hairpin-veth",
}  # fmt: skip
