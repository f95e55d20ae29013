"""A KubeletConfiguration: what it comes to, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.pods.kubelet.configuration import NOTHING, ConfigurationError, ShutdownStep, read, shown
from wherry.rules.pods.kubelet.configuration_values import duration, shown_duration


@pytest.mark.parametrize(("fields", "why"), [
    ({"evictionHard": {"nosuch.available": "1%"}}, "evictionHard: unsupported eviction signal nosuch.available"),
    ({"evictionHard": {"memory.available": "lots"}}, "evictionHard: 'lots' cannot be read"),
    ({"evictionHard": {"memory.available": "120%"}}, "a percentage is between 0% and 100%"),
    ({"evictionSoft": {"memory.available": "1%"}}, "grace period must be specified for the soft eviction threshold memory.available"),
    ({"containerLogMaxFiles": 1}, "containerLogMaxFiles: 1 must be greater than 1"),
    ({"imageGCHighThresholdPercent": 70}, "imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent 70"),
    ({"imageMinimumGCAge": "2 minutes"}, "a length of time like 1m30s is needed"),
    ({"shutdownGracePeriod": "5s", "shutdownGracePeriodCriticalPods": "6s"}, "must not be more than shutdownGracePeriod"),
    ({"cpuManagerPolicy": "static"}, "cpuManagerPolicy: not kept on these nodes"),
    ({"evictionHrd": {}}, "evictionHrd: not kept on these nodes"),
])  # fmt: skip
def test_what_is_wrong_is_named(fields: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match="(?s).*" + why.replace("(", r"\(").replace("%", "%")):
        read({**NOTHING, **fields})


@pytest.mark.parametrize("content", [None, [], {"kind": "KubeletConfiguration"}, {**NOTHING, "apiVersion": "kubelet.config.k8s.io/v1"}])
def test_another_document_is_none(content: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"not a KubeletConfiguration of kubelet\.config\.k8s\.io/v1beta1"):
        read(content)


def test_nothing_said_is_the_defaults() -> None:
    made = read(NOTHING)
    assert (made.log_size, made.log_files, made.transition, made.shutdown) == (10 << 20, 5, 300.0, ())
    assert {each.signal for each in made.thresholds} == {
        "memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree",
    }  # fmt: skip


def test_thresholds_that_are_given_replace_the_defaults_unless_they_are_to_be_merged() -> None:
    given = {"evictionHard": {"memory.available": "1Gi"}}
    assert len(read({**NOTHING, **given}).thresholds) == 1
    assert len(read({**NOTHING, **given, "mergeDefaultEvictionSettings": True}).thresholds) == 5
    assert not read({**NOTHING, "evictionHard": {"memory.available": "0%"}}).thresholds


def test_the_last_seconds_of_a_shutdown_are_for_critical_pods() -> None:
    made = read({**NOTHING, "shutdownGracePeriod": "30s", "shutdownGracePeriodCriticalPods": "10s"})
    assert (made.shutdown, made.shutdown_asked) == ((ShutdownStep(0, 20.0), ShutdownStep(2_000_000_000, 10.0)), True)


def test_steps_by_priority_are_sorted() -> None:
    steps = [{"priority": 1000, "shutdownGracePeriodSeconds": 5}, {"priority": 0, "shutdownGracePeriodSeconds": 9}]
    assert read({**NOTHING, "shutdownGracePeriodByPodPriority": steps}).shutdown == (ShutdownStep(0, 9.0), ShutdownStep(1000, 5.0))


def test_what_was_given_and_what_the_node_knows_is_shown() -> None:
    told = shown(read({**NOTHING, "containerLogMaxSize": "1Mi"}), {"port": 10250})
    assert told["kind"] == "KubeletConfiguration"
    assert (told["containerLogMaxSize"], told["port"], told["imageMinimumGCAge"]) == ("1Mi", 10250, "2m0s")


@pytest.mark.parametrize(("text", "seconds"), [("1m30s", 90.0), ("500ms", 0.5), ("2h", 7200.0), ("0", 0.0), (0, 0.0)])
def test_lengths_of_time(text: Any, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(("seconds", "text"), [(90.0, "1m30s"), (300.0, "5m0s"), (3600.0, "1h0m0s"), (0.0, "0s"), (0.1, "100ms")])
def test_lengths_of_time_are_shown_as_go_does(seconds: float, text: str) -> None:
    assert shown_duration(seconds) == text
