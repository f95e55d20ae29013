"""Builds the clusters of the fixtures: ini options first, the test's marker over them. Called by the plugin."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from wherry.cluster.cluster import Cluster
from wherry.cluster.option_values import OptionError, unknown
from wherry.cluster.options import NAMES
from wherry.cluster.sync_cluster import SyncCluster
from wherry.testing.ini import said

#: what a marker may say besides the fields of Options
_MORE = frozenset({"manifests", "faults", "kubeconfig"})


def settings(config: pytest.Config, marked: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a cluster is told. Raises UsageError for a name that means nothing."""
    if strange := marked.keys() - NAMES - _MORE:
        raise pytest.UsageError(f"marker wherry: {unknown(strange, NAMES | _MORE)}")
    return {**_of_project(config), **marked}


def _of_project(config: pytest.Config) -> dict[str, Any]:
    found = said(config)
    for name in ("manifests", "faults", "kubeconfig"):
        if value := config.getini(f"wherry_{name}"):
            found[name] = [config.rootpath / path for path in value] if isinstance(value, list) else value
    return found


def of_marker(item: pytest.Item) -> dict[str, Any]:
    """The nearest marker's word counts: a test's over its class's over its module's."""
    found: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("wherry"))):
        if marker.args:
            raise pytest.UsageError("marker wherry takes options by name only: @pytest.mark.wherry(nodes=5)")
        found.update(marker.kwargs)
    return found


@contextmanager
def fresh(item: pytest.Item) -> Iterator[SyncCluster]:
    """A cluster for one test."""
    with running(settings(item.config, of_marker(item)), item.path.parent) as cluster:
        yield cluster


@contextmanager
def of_session(config: pytest.Config) -> Iterator[SyncCluster]:
    """A cluster for a whole session."""
    with running(settings(config, {}), config.rootpath) as cluster:
        yield cluster


@contextmanager
def running(told: dict[str, Any], folder: Path) -> Iterator[SyncCluster]:
    """A cluster that runs as it was told; files it names are in `folder`."""
    manifests, faults, export = _list(told.pop("manifests", ())), _list(told.pop("faults", ())), told.pop("kubeconfig", False)
    with _started(told) as cluster, environment(cluster, export):
        for fault in faults:
            cluster.faults.load(fault if isinstance(fault, Mapping) else folder / fault)
        if manifests:
            cluster.apply(*(folder / source for source in manifests))
        yield cluster


@contextmanager
def _started(told: Mapping[str, Any]) -> Iterator[SyncCluster]:
    """Without a garbage collection in the middle of the start, which would make it the slowest of twenty; with one at the end instead."""
    with ExitStack() as stack:
        collecting = gc.isenabled()
        gc.disable()
        try:
            cluster = stack.enter_context(_made(told))
        finally:
            if collecting:
                gc.enable()
        yield cluster
    gc.collect()


def _made(told: Mapping[str, Any]) -> Cluster:
    try:
        return Cluster(**told)
    except OptionError as error:
        raise pytest.UsageError(f"wherry: {error}") from None


def prepare() -> None:
    """Before the first test: imports what a cluster is made of, and tells the collector that it stays."""
    from wherry.testing import warm  # noqa: F401

    gc.collect()
    gc.freeze()


def _list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | Path | Mapping) else list(value)


@contextmanager
def environment(cluster: Any, export: bool) -> Iterator[None]:
    """$KUBECONFIG names the cluster's, if it is to; afterwards it is as it was."""
    if not export:
        yield
        return
    before = os.environ.get("KUBECONFIG")
    os.environ["KUBECONFIG"] = cluster.kubeconfig
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("KUBECONFIG", None)
        else:
            os.environ["KUBECONFIG"] = before
