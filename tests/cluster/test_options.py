"""Every option is described once, checked when it is given, and is the same for Python, the command line, its file and pytest."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from wherry import Cluster, NotFound, NotRunning, Options, TimedOut, resource
from wherry.cli.cluster_options import cluster_fields
from wherry.cli.up import up
from wherry.cluster.option_fields import OptionFields
from wherry.cluster.option_values import OptionError, description
from wherry.cluster.options import NAMES
from wherry.cluster.options_page import page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("given", "message"), [
    ({"time": "virtul"}, 'time must be "real" or "virtual", not \'virtul\''),
    ({"nodes": -1}, "nodes must be a whole number from 0 to 5000, not -1"),
    ({"nodes": True}, "nodes must be a whole number from 0 to 5000, not True"),
    ({"port": 99999}, "port must be a whole number from 0 to 65535, not 99999"),
    ({"insecure_port": "x"}, "insecure_port must be a whole number from 0 to 65535 or None, not 'x'"),
    ({"seed": "x"}, "seed must be a whole number or None, not 'x'"),
    ({"ready_seconds": "3"}, "ready_seconds must be a number of at least 0, not '3'"),
    ({"ready_seconds": float("nan")}, "ready_seconds must be a number of at least 0, not nan"),
    ({"image_missing": "*:bad"}, "image_missing must be a list of texts, not '*:bad'"),
    ({"ephemeral": 1}, "ephemeral must be True or False, not 1"),
    ({"data_dir": 3}, "data_dir must be a path or None, not 3"),
    ({"processes": 65}, "processes must be a whole number from 1 to 64, not 65"),
    ({"node": 3}, "unknown option node (did you mean nodes?); known are advertise_address, "),
])  # fmt: skip
def test_a_value_that_an_option_cannot_have_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        Cluster(**given)
    assert str(raised.value).startswith(message)


def test_texts_become_paths_and_lists_tuples() -> None:
    options = Cluster(data_dir="x", image_missing=["a", "b"]).options
    assert (options.data_dir, options.image_missing) == (Path("x"), ("a", "b"))


def test_each_option_is_described_on_the_reference_page() -> None:
    assert all(description(option).text.endswith(".") for option in fields(Options)), "each field says what it does"
    assert (ROOT / "docs" / "options.md").read_text(encoding="utf-8") == page(), "python -m wherry.cluster.options_page > docs/options.md"


def test_each_option_is_a_keyword_with_a_type() -> None:
    assert get_type_hints(OptionFields).keys() == NAMES


def test_each_option_is_a_flag_but_those_that_a_foreground_process_cannot_have() -> None:
    given = {param.name for param in up.params}
    assert {option.name for option in cluster_fields()} <= given
    assert NAMES - given == {"serve", "time", "patience"}


def test_a_wait_for_what_is_not_there_names_what_is_and_a_slip_in_a_name_does_not_wait_for_long() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "c"}]}}}}
    with Cluster(time="virtual", seed=1, serve=False, nodes=1) as cluster:
        cluster.apply(deployment)
        with pytest.raises(TimedOut, match=r"deployment/wbe: available not met within 0\.5 s; deployments that are there: web"):
            cluster.wait_for("deployment/wbe", "available", timeout=0.5)
        before = cluster.clock.now()
        with pytest.raises(NotFound, match=r'deployments\.apps "wbe" not found'):
            cluster.rollout("deployment/wbe").finished()
        assert cluster.clock.now() - before < 60
        assert len(repr(cluster.rollout("deployment/web").history()[0])) < 100
    with pytest.raises(NotRunning, match="not running any more"):
        cluster.client.list(resource("pods"))
    with pytest.raises(NotRunning, match="is not started"):
        Cluster().client  # noqa: B018
    with pytest.raises(KeyError, match=r'resource deployments in the core group, v1: resource\("deployments", "apps"\)'):
        resource("deployments")
