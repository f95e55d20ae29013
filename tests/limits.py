"""The time limit of every test, kept also by a property that fails.

Called by pytest-timeout through the hooks it has for another way to keep time. Its own way raises pytest's `Failed`, which Hypothesis takes
for one more example that fails: it goes on shrinking, for minutes, without a limit. What is raised here is no such thing, and is raised
again every few seconds in case somebody (an event loop calling back) kept it for himself.
"""

from __future__ import annotations

import faulthandler
import signal
from types import FrameType
from typing import Any

import pytest
from pytest_timeout import is_debugging

#: seconds until it is said again
AGAIN = 3.0


class OutOfTime(BaseException):
    """The test took longer than it may."""


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    def over(number: int, frame: FrameType | None) -> None:
        if is_debugging():
            return
        faulthandler.dump_traceback()  # where the other threads are, a cluster's loop mostly
        raise OutOfTime(f"{item.nodeid} took longer than {settings.timeout:g} s")

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, AGAIN)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> bool:
    signal.setitimer(signal.ITIMER_REAL, 0)
    return True
