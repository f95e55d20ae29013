"""What a scheduler is told: the profile of each schedulerName it serves, and how long pods back off.

Made by `configuration.read` from a KubeSchedulerConfiguration, or by `plain`; taken by the scheduler's shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wherry.rules.placing.scheduling.plugin import Profile
from wherry.rules.placing.scheduling.profile import DEFAULT

DEFAULT_SCHEDULER = "default-scheduler"


class Setup(NamedTuple):
    """Pods whose schedulerName is not among the profiles are left alone. Times in seconds."""

    profiles: Mapping[str, Profile]
    first_backoff: float = 1.0
    max_backoff: float = 10.0


def plain(name: str = DEFAULT_SCHEDULER) -> Setup:
    """The default profile under that name."""
    return Setup({name: DEFAULT})
