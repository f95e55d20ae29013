"""The text of a KubeSchedulerConfiguration to what a scheduler does: the way in.

Called by a cluster (`Options.scheduler_config`) and by `wherry scheduler --config`. What is unknown, or not in wherry, is refused by name;
fields that only tune the reference's process (profiling, parallelism, content types, rates) are checked and decide nothing here.
Source of the rules: pkg/scheduler/apis/config/v1/defaults.go, validation/validation.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.rules.placing.scheduling.configuration.arguments import API_VERSION, seconds
from wherry.rules.placing.scheduling.configuration.fields import Faults, Fields
from wherry.rules.placing.scheduling.configuration.profiles import FIELDS, percentage, profile_of
from wherry.rules.placing.scheduling.plugin import Profile
from wherry.rules.placing.scheduling.setup import DEFAULT_SCHEDULER, Setup

KIND = "KubeSchedulerConfiguration"
_FIELDS = (
    "apiVersion", "kind", "profiles", "percentageOfNodesToScore", "podInitialBackoffSeconds", "podMaxBackoffSeconds", "parallelism",
    "leaderElection", "clientConnection", "extenders", "enableProfiling", "enableContentionProfiling", "delayCacheUntilActive",
)  # fmt: skip
_ELECTION = ("leaderElect", "leaseDuration", "renewDeadline", "retryPeriod", "resourceLock", "resourceName", "resourceNamespace")
_CONNECTION = ("kubeconfig", "acceptContentTypes", "contentType", "qps", "burst")


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the message says why."""


class Election(NamedTuple):
    """What the configuration says of leader election; None where it says nothing. Times in seconds."""

    elect: bool | None = None
    lease_duration: float | None = None
    renew_deadline: float | None = None
    retry_period: float | None = None
    name: str | None = None
    namespace: str | None = None


class Configuration(NamedTuple):
    """`kubeconfig`: the file that names the API server, "" for none given."""

    setup: Setup
    election: Election = Election()
    kubeconfig: str = ""


def read(text: str) -> Configuration:
    """Raises ConfigurationError, which names every field that is wrong."""
    faults = Faults()
    top = Fields(_document(text), "", _FIELDS, faults)
    for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if top.text(name) != wanted:
            raise ConfigurationError(f'{name}: must be {wanted}, not "{top.raw(name) or ""}"')
    configuration = _configuration(top)
    if faults:
        raise ConfigurationError("; ".join(faults))
    return configuration


def _document(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"not YAML: {' '.join(str(error).split())}") from None


def _configuration(top: Fields) -> Configuration:
    first, most = top.integer("podInitialBackoffSeconds", 1, 1), top.integer("podMaxBackoffSeconds", 10)
    if most < first:
        top.fault("podMaxBackoffSeconds", f"must not be less than podInitialBackoffSeconds ({first})")
    top.integer("parallelism", 16, 1)
    for name in ("enableProfiling", "enableContentionProfiling", "delayCacheUntilActive"):
        top.flag(name)
    if top.items("extenders"):
        top.fault("extenders", "scheduler extenders are not in wherry")
    setup = Setup(_profiles(top), float(first), float(most))
    return Configuration(setup, _election(top), _connection(top))


def _profiles(top: Fields) -> dict[str, Profile]:
    percent, found = percentage(top), {}
    given = [Fields(item, path, FIELDS, top.faults) for path, item in top.items("profiles")]
    if not given:
        given = [Fields(None, "profiles[0]", FIELDS, top.faults)]
    for each in given:
        name = each.text("schedulerName", DEFAULT_SCHEDULER if len(given) == 1 else "")
        if not name:
            each.fault("schedulerName", "must not be empty")
        elif name in found:
            each.fault("schedulerName", f'"{name}" is there twice')
        found[name] = profile_of(each, percent)
    return found


def _election(top: Fields) -> Election:
    given = top.within("leaderElection", _ELECTION)
    if given.text("resourceLock", "leases") != "leases":
        given.fault("resourceLock", "must be leases")
    times = [seconds(given, n, -1.0) if given.has(n) else None for n in ("leaseDuration", "renewDeadline", "retryPeriod")]
    elect = given.flag("leaderElect") if given.has("leaderElect") else None
    return Election(elect, times[0], times[1], times[2], given.text("resourceName") or None, given.text("resourceNamespace") or None)


def _connection(top: Fields) -> str:
    given = top.within("clientConnection", _CONNECTION)
    for name in ("acceptContentTypes", "contentType"):
        given.text(name)
    for name in ("qps", "burst"):
        if given.has(name) and not isinstance(given.raw(name), int | float):
            given.fault(name, "must be a number")
    return given.text("kubeconfig")
