"""What `wherry up` looks at before anything starts, and how it words what stops a start: files that cannot be used, ports, rights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wherry.cli import home as homes


def check(home: Path, options: dict[str, Any]) -> None:
    """Raises ClickException for what would stop the start, while nothing is written yet."""
    _kubeconfig(options["kubeconfig"], options["merge"])
    _audit_policy(options["audit_policy_file"])
    _scheduler_config(options["scheduler_config"])
    _kubelet_config(options["kubelet_config"])
    _state(options["state"])
    running = homes.read_note(home)
    if running is not None:
        raise click.ClickException(
            f"a cluster runs in {home} already (pid {running.pid}); stop it with `wherry down`, or give another --data-dir"
        )


def _audit_policy(path: Path | None) -> None:
    if path is None:
        return
    from wherry.rules.access.audit.policy import PolicyError
    from wherry.server.audit_log import read_policy

    try:
        read_policy(path)
    except PolicyError as error:
        raise click.ClickException(f"--audit-policy-file: {error}") from error


def _scheduler_config(path: Path | None) -> None:
    if path is None:
        return
    from wherry.cluster import scheduling

    try:
        scheduling.read_file(path)
    except ValueError as error:
        raise click.ClickException(f"--scheduler-config: {error}") from error
    except OSError as error:
        raise click.ClickException(f"--scheduler-config: {path}: {error.strerror}") from error


def _kubeconfig(path: Path | None, merge: bool) -> None:
    """Is the file ours to replace, or to merge into?"""
    if path is None:
        return
    from wherry.cluster import kubeconfig

    try:
        if merge:
            kubeconfig.read(path)
        elif not kubeconfig.is_ours(path):
            raise click.ClickException(f"{path} exists and is not wherry's: add --merge to keep what is in it, or name another file")
    except kubeconfig.KubeconfigError as error:
        raise click.ClickException(f"{error}; it was not changed") from error


def _state(path: Path | None) -> None:
    """Is it a saved state?"""
    if path is None:
        return
    from wherry.cluster import state

    try:
        state.read(path)
    except state.StateError as error:
        raise click.ClickException(f"--from: {error}") from error


def as_flag(text: str) -> str:
    """What is wrong with an option of a cluster, said of the flag."""
    option, colon, why = text.partition(": ")
    return f"--{option.replace('_', '-')}{colon}{why}"


def explain(error: OSError, home: Path) -> str:
    """What an OSError of a start says to a user: what to give instead."""
    port = getattr(error, "port", None)
    if port is not None:
        return f"{error}: give another with --port or --insecure-port (0 takes any free one)"
    where = f"{error.filename}: " if error.filename else ""
    text = f"{where}{error.strerror or error}"
    path = Path(error.filename or "/")
    is_ours = bool(error.filename) and (path == home or home in path.parents or path in home.parents)
    return f"{text}: give another directory with --data-dir" if is_ours else text


def _kubelet_config(path: Path | None) -> None:
    if path is None:
        return
    from wherry.cluster.option_values import OptionError
    from wherry.cluster.real_nodes import kubelet_configuration

    try:
        kubelet_configuration(path)
    except OptionError as error:
        raise click.ClickException(as_flag(str(error))) from error
