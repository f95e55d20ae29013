from __future__ import annotations

import pytest

from wherry.api import int_or_percent


@pytest.mark.parametrize(
    ("value", "up", "down"), [(3, 3, 3), ("25%", 3, 2), ("0%", 0, 0), ("100%", 10, 10), ("150%", 15, 15), ("-5%", 0, -1)]
)
def test_share_of_ten_is_rounded_as_asked(value: int | str, up: int, down: int) -> None:
    assert int_or_percent.scaled(value, 10, True) == up
    assert int_or_percent.scaled(value, 10, False) == down


def test_text_without_percent_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid value for IntOrString: invalid type: string is not a percentage"):
        int_or_percent.scaled("3", 10, True)
    with pytest.raises(ValueError, match=r'invalid value "x%": strconv\.Atoi: parsing "x": invalid syntax'):
        int_or_percent.scaled("x%", 10, True)


def test_validity() -> None:
    assert int_or_percent.is_valid(3)
    assert int_or_percent.is_percent("30%")
    assert not int_or_percent.is_percent("-30%")
    assert int_or_percent.percent("30%") == 30
    assert int_or_percent.percent(3) is None
