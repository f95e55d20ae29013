"""Whether a container runtime is one that pods can run on: at the start, and again and again afterwards.

Called by the engine. At the start everything that is wrong ends in one line; later it is the node that says so in its Ready condition.
Source of the rules and texts: pkg/kubelet/runtime.go, kubelet.go updateRuntimeUp; containerd's `disabled_plugins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from wherry.node.cri.calls import SHORT, CallFailed, Calls
from wherry.node.engine import Unavailable

#: seconds between two looks at the runtime, and without an answer until the node says that it is down
EVERY, DOWN_AFTER = 5.0, 30.0
DOWN = "container runtime is down"
_CALLED = {"RuntimeReady": "runtime", "NetworkReady": "runtime network"}


class Version(NamedTuple):
    """`name`: containerd, cri-o."""

    name: str
    version: str


class State(NamedTuple):
    """`trouble`: why no pod can run, "" when they can. `network`: whether it is for want of a network alone."""

    trouble: str
    network: bool
    config: Mapping[str, Any]
    #: whether groups of an image can be left out (supplementalGroupsPolicy Strict)
    groups_policy: bool
    handlers: frozenset[str]


async def version(calls: Calls) -> Version:
    """Raises Unavailable for a runtime that does not speak CRI v1."""
    try:
        told = await calls("Version", {"version": "v1"}, seconds=SHORT)
    except CallFailed as failed:
        if failed.code == "PermissionDenied":
            raise Unavailable(f"the container runtime at {calls.socket} may not be asked: {failed.text}", "run as root") from None
        raise await _no_runtime(calls, failed) from None
    return Version(told.runtime_name, told.runtime_version.removeprefix("v"))


async def _no_runtime(calls: Calls, failed: CallFailed) -> Unavailable:
    if failed.code != "Unimplemented":
        return Unavailable(f"the container runtime at {calls.socket} does not say its version: {failed}")
    try:
        await calls.raw("/runtime.v1alpha2.RuntimeService/Version")
    except CallFailed:
        return Unavailable(f"what listens at {calls.socket} does not speak the Container Runtime Interface",
                           'for containerd, take "cri" out of disabled_plugins in /etc/containerd/config.toml and start it again')
    return Unavailable(f"the container runtime at {calls.socket} is too old: it speaks v1alpha2 of the Container Runtime Interface, not v1",
                       "take containerd 1.6, CRI-O 1.26, or a newer one")


async def state(calls: Calls, *, verbose: bool = False) -> State:
    """`config`: of containerd's plug-in, with `verbose`. Raises CallFailed, Unavailable."""
    told = await calls("Status", {"verbose": verbose}, seconds=SHORT)
    wrong = {condition.type: condition for condition in told.status.conditions if not condition.status}
    found = msgspec.json.decode(told.info["config"]) if "config" in told.info else {}
    handlers = frozenset(handler.name for handler in told.runtime_handlers)
    return State(_trouble(wrong), set(wrong) == {"NetworkReady"}, found, told.features.supplemental_groups_policy, handlers)


def _trouble(wrong: dict[str, object]) -> str:
    """As the kubelet words it."""
    said = [f"container {called} not ready: {_words(wrong[kind])}" for kind, called in _CALLED.items() if kind in wrong]
    return f"[{', '.join(said)}]" if len(said) > 1 else "".join(said)


def _words(condition: object) -> str:
    kind, reason, message = (getattr(condition, part) for part in ("type", "reason", "message"))
    return f"{kind}=false reason:{reason} message:{message}"


async def systemd(calls: Calls, state: State) -> bool:
    """Whether systemd keeps the control groups, by the runtime's word. Raises Unavailable."""
    try:
        told = await calls("RuntimeConfig", seconds=SHORT)
    except CallFailed:
        return _systemd_of(state.config)
    return bool(told.HasField("linux") and told.linux.cgroup_driver == 0)


def _systemd_of(config: Mapping[str, Any]) -> bool:
    """containerd before 2.0 tells it of the way it runs programs by default."""
    held = config.get("containerd") or {}
    ways, chosen = held.get("runtimes") or {}, held.get("defaultRuntimeName") or "runc"
    return bool(((ways.get(chosen) or {}).get("options") or {}).get("SystemdCgroup"))
