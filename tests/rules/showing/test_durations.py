"""Ages as kubectl shows them."""

from __future__ import annotations

import pytest

from wherry.rules.texts import age as duration

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-1.9, "0s"), (-0.5, "0s"), (0, "0s"), (119.9, "119s"), (120, "2m"), (185, "3m5s"), (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"), (3 * HOUR, "3h"), (7 * HOUR + 59 * MINUTE, "7h59m"), (8 * HOUR + MINUTE, "8h"), (47 * HOUR, "47h"),
        (2 * DAY, "2d"), (2 * DAY + 3 * HOUR, "2d3h"), (8 * DAY + HOUR, "8d"), (2 * YEAR - 1, "729d"), (2 * YEAR, "2y"),
        (2 * YEAR + 35 * DAY, "2y35d"), (8 * YEAR + DAY, "8y"),
    ],
)  # fmt: skip
def test_human_durations(seconds: float, text: str) -> None:
    assert duration.human(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "<invalid>"), (-1, "0s"), (59, "59s"), (61, "1m"), (HOUR, "1h"), (DAY * 3, "3d"), (YEAR, "1y")]
)
def test_short_durations(seconds: float, text: str) -> None:
    assert duration.short(seconds) == text
