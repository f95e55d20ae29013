"""What every test is run with: Hypothesis's settings, and the time limit."""

from __future__ import annotations

import os

from hypothesis import Phase, settings

from tests.limits import pytest_timeout_cancel_timer, pytest_timeout_set_timer

__all__ = ["pytest_timeout_cancel_timer", "pytest_timeout_set_timer"]  # hooks, found here by pytest

# no deadlines: how long one example takes is the machine's business, the test's limit is for the whole.
# every run walks the same ways, so that a change is judged by what it changed, and tells of the first that fails, for shrinking takes
# minutes; WHERRY_SHRINK=1 shrinks it. WHERRY_EXPLORE=1 walks new ways, and what they find is pinned as an @example of its walk
_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
settings.register_profile("same", derandomize=True, deadline=None, phases=_SHRINKING[:3])
settings.register_profile("shrink", derandomize=True, deadline=None, phases=_SHRINKING)
settings.register_profile("explore", print_blob=True, deadline=None, phases=_SHRINKING)
_wanted = [profile for profile in ("explore", "shrink") if os.environ.get(f"WHERRY_{profile.upper()}")]
settings.load_profile([*_wanted, "same"][0])
