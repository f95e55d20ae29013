"""Steps as people write them."""

from __future__ import annotations

import pytest

from wherry.rules.workloads.steps.spec import BadSteps, Step, parse
from wherry.rules.workloads.steps.state import State, read, text_of
from wherry.rules.workloads.steps.view import share


def test_steps_are_read_and_end_with_everything() -> None:
    assert parse("10%, pause 5m, 50%, check smoke errors, pause, check") == (
        Step("share", 10), Step("pause", seconds=300), Step("share", 50), Step("check", checks=("smoke", "errors")), Step("pause"),
        Step("check"), Step("share", 100))
    assert parse("100%") == (Step("share", 100),)


@pytest.mark.parametrize("text", ["- setWeight: 20\n- pause: {duration: 1h30m}\n- setWeight: 100\n", "[20%, pause 5400]",
                                  "weight 20, pause: {duration: 5400}, 100%"])
def test_the_words_and_lists_of_others_mean_the_same(text: str) -> None:
    assert parse(text) == (Step("share", 20), Step("pause", seconds=5400), Step("share", 100))


def test_steps_are_shown_as_they_would_be_written() -> None:
    text = "10%, pause 90s, 20%, pause 5m, 30%, pause 1h30m, 40%, pause, check smoke, 100%"
    assert ", ".join(map(str, parse(text))) == text


@pytest.mark.parametrize(("text", "said"), [
    ("", "no steps"), ("10", 'step "10" is none'), ("0%", "from 1% to 100%"), ("101%", "from 1% to 100%"), ("ten%", "a whole percentage"),
    ("10%, pause soon", "a pause is for a length of time"), ("10%, chekc", 'step "chekc" is none'), ("50%, 20%", "20% comes after 50%"),
    ("100%, pause, 100%", "100% comes after 100%"), ("pause, 10%", "cannot be the first step"), ("10%, check Smoke!", "name of a check"),
    ("preview, 50%", "goes with no share but 100%"), ("10%, switch", "switch needs preview"), ("preview, preview", "one step only"),
    ("100%, pause", "100% comes after 100%")])
def test_what_cannot_be_meant_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(BadSteps, match=said):
        parse(text)


def test_a_share_is_rounded_down_but_one_pod_at_least() -> None:
    assert [share(10, wanted) for wanted in (1, 3, 10, 19, 20)] == [1, 1, 1, 1, 2]
    assert share(50, 3) == 1


def test_a_state_is_read_as_it_was_written_and_a_broken_one_is_none() -> None:
    state = State("abc", "web-1", 2, "paused", 1.5, "why", "web-2", {"strategy": {"type": "RollingUpdate"}, "minReadySeconds": None})

    def on(text: str) -> State | None:
        return read({"metadata": {"annotations": {"wherry.dev/rollout-state": text}}})

    assert on(text_of(state)) == state
    for broken in ("", "{", "[]", "{}", '{"release": "a", "phase": "odd"}', '{"release": "a", "step": "1"}', '{"release": "a", "new": 1}'):
        assert on(broken) is None
