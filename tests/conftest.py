"""What every test is run with."""

from __future__ import annotations

import os

from hypothesis import settings

# every run walks the same ways, so that a change is judged by what it changed; WHERRY_EXPLORE=1 walks new ones, and what they find is
# pinned as an @example of its walk
settings.register_profile("same", derandomize=True)
settings.register_profile("explore", print_blob=True)
settings.load_profile("explore" if os.environ.get("WHERRY_EXPLORE") else "same")
