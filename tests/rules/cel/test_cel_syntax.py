"""Texts that are no CEL: each fault, its place and its sentence, as recorded from cel-go in Kubernetes v1.36.2."""

from __future__ import annotations

import pytest

from wherry.rules.cel.errors import CompileError
from wherry.rules.cel.parser import parse

EXPR = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"


def said(source: str) -> list[str]:
    with pytest.raises(CompileError) as refused:
        parse(source)
    return refused.value.message.split("\n")


def test_a_word_that_fits_nowhere_is_left_out() -> None:
    assert said("/a") == [f"ERROR: <input>:1:1: Syntax error: extraneous input '/' expecting {EXPR}", " | /a", " | ^"]


def test_a_word_that_breaks_off_takes_a_character_with_it_and_reading_goes_on() -> None:
    assert said("abc=def") == [
        "ERROR: <input>:1:4: Syntax error: token recognition error at: '=d'", " | abc=def", " | ...^",
        "ERROR: <input>:1:6: Syntax error: extraneous input 'ef' expecting <EOF>", " | abc=def", " | .....^",
    ]  # fmt: skip


def test_wide_characters_have_wide_marks() -> None:
    assert said("é") == [
        "ERROR: <input>:1:1: Syntax error: token recognition error at: 'é'", " | é", " | ＾",
        f"ERROR: <input>:1:2: Syntax error: mismatched input '<EOF>' expecting {EXPR}", " | é", " | ．^",
    ]  # fmt: skip


def test_nothing_has_no_line_to_show() -> None:
    assert said("") == [f"ERROR: <input>:1:0: Syntax error: mismatched input '<EOF>' expecting {EXPR}"]


def test_an_operator_alone_lacks_both_sides() -> None:
    places = [line.split(" Syntax")[0] for line in said("*") if line.startswith("ERROR")]
    assert places == ["ERROR: <input>:1:1:", "ERROR: <input>:1:2:"]


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("10.0.0.1", "ERROR: <input>:1:5: Syntax error: mismatched input '.0' expecting <EOF>"),
        ("2020-01-01T00:00:00Z", "ERROR: <input>:1:11: Syntax error: mismatched input 'T00' expecting <EOF>"),
        ("a.", "ERROR: <input>:1:3: Syntax error: no viable alternative at input '.'"),
        ("f(1", "ERROR: <input>:1:4: Syntax error: missing ')' at '<EOF>'"),
        ("a ? b", "ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting ':'"),
    ],
)
def test_the_first_fault(source: str, first: str) -> None:
    assert said(source)[0] == first


def test_a_parse_gives_up_after_many_faults() -> None:
    assert said(") " * 80 + "/ " * 200)
