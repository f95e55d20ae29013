"""What stands on an object about its steps: annotations for whoever drives, labels for `kubectl get -L`.

Read and written with every look. The state is one annotation, so that it changes in one write together with the fields that hold the share;
`own` keeps the fields that the owner gave and that come back at the end. A Deployment's annotations are copied to its ReplicaSets by its
controller and come back from there with kubectl's undo; a state is told to be of another time by the hash of the template it is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from wherry.api.objects import Obj, annotations_of, is_deleting
from wherry.rules.workloads.template_hash import template_hash

STEPS = "wherry.dev/rollout-steps"
CHECKS = "wherry.dev/rollout-checks"
NOTIFY = "wherry.dev/rollout-notify"
SERVICES = "wherry.dev/rollout-services"
STATE = "wherry.dev/rollout-state"
PHASE_LABEL, STEP_LABEL = "wherry.dev/rollout-phase", "wherry.dev/rollout-step"

#: catching: too many new pods are there already; inconclusive: a check said neither; finishing: the rest goes as its owner said
Phase = Literal["catching", "moving", "paused", "checking", "inconclusive", "finishing", "done", "aborting", "aborted"]
OVER = ("done", "aborted")
#: minReadySeconds of a Deployment that is held: no new pod ever counts as available (progressDeadlineSeconds must be one more)
NEVER = 2**31 - 2


@dataclass(frozen=True, slots=True)
class State:
    """`release`: hash of the template it is about. `stable`: the ReplicaSet or ControllerRevision to go back to. `since`: of this phase,
    in seconds since 1970. `aborted`: the revision that was given up, for a retry. `own`: fields of the spec, None for those not given.
    """

    release: str
    stable: str = ""
    step: int = 0
    phase: Phase = "moving"
    since: float = 0.0
    why: str = ""
    aborted: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.phase in OVER


def read(obj: Obj) -> State | None:
    """None without a state, or with one that cannot be read (somebody wrote into it: then it is made anew)."""
    text = annotations_of(obj).get(STATE)
    if not text:
        return None
    try:
        found: Any = json.loads(text)
        state = State(**found)
    except (ValueError, TypeError):
        return None
    numbers = isinstance(state.step, int) and isinstance(state.since, int | float)
    return state if numbers and state.phase in get_args(Phase) and isinstance(state.own, dict) else None


def text_of(state: State) -> str:
    """What `read` reads; without what says nothing."""
    return json.dumps({k: v for k, v in asdict(state).items() if v or k in ("release", "phase")}, separators=(",", ":"), sort_keys=True)


def labels(state: State, steps: int) -> dict[str, str]:
    """For `kubectl get -L`: `2-of-5` and `paused`."""
    return {PHASE_LABEL: state.phase, STEP_LABEL: f"{min(state.step + 1, steps)}-of-{steps}"}


def is_wanted(obj: Obj) -> bool:
    """Whether a driver has something to do: steps that are under way, a template that the state does not know, or a hold that was left."""
    if is_deleting(obj):
        return False
    state, held = read(obj), obj.get("kind", "Deployment") == "Deployment" and obj["spec"].get("minReadySeconds") == NEVER
    if state is not None and not state.is_over:
        return True
    return held or (STEPS in annotations_of(obj) and (state is None or state.release != template_hash(obj["spec"]["template"])))
