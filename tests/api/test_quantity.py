from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api import quantity

CANONICAL = {
    "0.5": "500m", "1024Mi": "1Gi", "1.5Gi": "1536Mi", "1000m": "1", "2000": "2k", "0Mi": "0", "0.1n": "1n", "1.5n": "2n", "-0.1n": "-1n",
    "0.5Ki": "512", "0.001Ki": "1024m", "1000e3": "1e6", "9Ei": "9223372036854775807", "2048Ki": "2Mi", "2048": "2048", "500m": "500m",
}  # fmt: skip


@pytest.mark.parametrize(("text", "stored"), CANONICAL.items())
def test_text_is_stored_in_canonical_form(text: str, stored: str) -> None:
    assert quantity.canonical(text) == stored


@pytest.mark.parametrize("text", ["1.500", "1e3", "12e6", "100m", "1025Mi", "+1", "1."])
def test_text_that_the_reference_holds_for_canonical_stays(text: str) -> None:
    assert quantity.canonical(text) == text


def test_numbers_are_quantities_too() -> None:
    assert quantity.canonical(0.5) == "500m"
    assert quantity.canonical(2) == "2"


@pytest.mark.parametrize(
    ("text", "why"),
    [("", quantity.WRONG_FORMAT), ("1x", quantity.WRONG_FORMAT), ("1_0", quantity.WRONG_FORMAT), ("1mm", quantity.WRONG_SUFFIX),
     ("1+", quantity.WRONG_SUFFIX), ("e-99", quantity.WRONG_NUMBER)],
)  # fmt: skip
def test_fault_is_told_in_the_words_of_the_reference(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        quantity.parse(text)


def test_values_round_up() -> None:
    assert quantity.milli("1u") == 1
    assert quantity.to_int("1500m") == 2
    assert quantity.parse("1500m") == Fraction(3, 2)


def test_huge_exponent_does_not_exhaust_memory() -> None:
    assert quantity.canonical("1e999999999") == "1e999999999"


def test_sums_keep_the_format_of_the_first_that_is_not_zero() -> None:
    assert quantity.add("1Gi", "1024Mi") == "2Gi"
    assert quantity.add("0", "1Gi") == "1Gi"
    assert quantity.subtract("1", "100m") == "900m"
    assert quantity.compare("1", "1000m") == 0
    assert quantity.compare("1Gi", "1G") == 1


@given(st.from_regex(r"\A[+-]?[0-9]{1,20}(\.[0-9]{0,12})?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?\Z"))
def test_canonical_form_has_the_same_value_and_is_stable(text: str) -> None:
    once = quantity.canonical(text)
    if quantity.nano(text) < 10**27:  # the reference has no suffix beyond E and drops it
        assert quantity.nano(once) == quantity.nano(text)
        assert quantity.canonical(once) == once
