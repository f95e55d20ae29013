"""How often Python looks for reference cycles in a process that is wherry's own: called by the command line, never by the library.

What a cluster makes is nearly all free of cycles and lives long, so looking for them every 700 objects took a seventh of a rollout
(https://docs.python.org/3/library/gc.html). Those that there are (tasks, tracebacks) wait a little longer and are small.
"""

from __future__ import annotations

import gc

#: objects made, and looks at the younger generation, before each generation is looked at; the second look is what a client waits for
#: longest, so it comes often and is short
THRESHOLDS = (20_000, 5, 80)


def look_seldom() -> None:
    """For the whole process, from now on."""
    gc.set_threshold(*THRESHOLDS)


def leave_alone_what_is_there() -> None:
    """What was made so far, most of it code, is not looked at again."""
    gc.freeze()
