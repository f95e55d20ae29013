"""What every command has in common: help that fits, kubectl's global flags, one dialect of errors, kubectl named for what is left to it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import click
import pytest

from wherry.cli.commands import CLUSTER, COMMANDS, KUBECTL, LEFT
from wherry.cli.examples import EXAMPLES
from wherry.cli.kube.command import KubeCommand, KubeGroup
from wherry.cli.kube.flags import parse
from wherry.cli.kube.options import CONNECTION, moved_behind
from wherry.cli.main import cli, main


class Ran(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("COLUMNS", "80")

    def ran(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["wherry", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return ran


def test_wherry_alone_prints_its_help(run: Run) -> None:
    alone = run()
    assert (alone.status, alone.err) == (0, "")
    assert alone.out == run("--help").out
    assert "Clusters:\n  up " in alone.out
    assert "with kubectl's words:\n  rollout " in alone.out
    assert "..." not in alone.out.replace("[ARGS]...", "")
    assert max(map(len, alone.out.splitlines())) <= 80


def test_each_command_is_there() -> None:
    context = click.Context(cli, info_name="wherry")
    assert all(isinstance(cli.get_command(context, name), click.Command) for name in COMMANDS)  # type: ignore[attr-defined]
    assert not LEFT & COMMANDS.keys()


def _paths(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    if isinstance(command, KubeGroup):
        context = click.Context(command, info_name=path)
        found = [(path, command)] if path in EXAMPLES else []
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found += _paths(below, f"{path} {name}".strip())
        return found
    return [(path, command)]


@pytest.mark.parametrize("name", KUBECTL)
def test_each_of_kubectls_commands_has_examples_that_its_parser_takes(name: str) -> None:
    context = click.Context(cli, info_name="wherry")
    found = cli.get_command(context, name)  # type: ignore[attr-defined]
    assert found is not None
    for path, command in _paths(found, name):
        assert path in EXAMPLES, path
        for line in EXAMPLES[path]:
            import shlex

            words = shlex.split(line.format(program="wherry"), comments=True)
            assert words[: 1 + len(path.split())] == ["wherry", *path.split()]
            if isinstance(command, KubeCommand):
                parse(words[1 + len(path.split()) :], (*command.flags, *CONNECTION))


def test_help_ends_with_examples(run: Run) -> None:
    assert "Examples:\n  wherry rollout undo deployment/web\n" in run("rollout", "undo", "--help").out
    assert "Examples:\n    wherry up " in run("up", "--help").out


@pytest.mark.parametrize(("command", "shown"), [
    (("rolling-update",), "[default: 1m]"),
    (("rollout", "rehearse"), "[default: 6h]"),
])  # fmt: skip
def test_defaults_are_shown_as_one_would_write_them(run: Run, command: tuple[str, ...], shown: str) -> None:
    text = run(*command, "--help").out
    assert shown in text
    assert "[default: -1]" not in text


@pytest.mark.parametrize(("words", "message"), [
    (("up", "--nosuch"), "error: unknown flag: --nosuch"),
    (("up", "--nodes", "many"), "error: invalid value for '--nodes': 'many' is not a whole number"),
    (("down", "extra"), "error: got unexpected extra argument (extra)"),
    (("upp",), 'error: unknown command "upp"; did you mean `up`?'),
    (("get", "--bad"), "Error: unknown flag: --bad"),
])  # fmt: skip
def test_what_is_wrong_with_a_command_line_is_said_in_one_dialect(run: Run, words: tuple[str, ...], message: str) -> None:
    ran = run(*words)
    assert (ran.status, ran.out) == (1, "")
    first, second = ran.err.splitlines()
    assert first.startswith(message)
    assert second.startswith("See 'wherry ")


@pytest.mark.parametrize("name", ["describe", "explain", "diff", "autoscale", "run", "expose", "replace", "exec", "top"])
def test_what_is_left_to_kubectl_names_kubectl(run: Run, name: str) -> None:
    ran = run(name, "pod/x")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == f"error: wherry leaves `{name}` to kubectl, which works on its clusters: kubectl {name} ...\n"


@pytest.mark.parametrize(("line", "moved"), [
    ("-n shop get pods", "get pods -n shop"),
    ("-nshop get pods", "get pods -nshop"),
    ("--namespace=shop --context x rollout status deploy/web", "rollout status deploy/web --namespace=shop --context x"),
    ("--insecure-skip-tls-verify get pods", "get pods --insecure-skip-tls-verify"),
    ("-n shop get pods -- -x", "get pods -n shop -- -x"),
    ("--help", "--help"),
    ("-n shop", "-n shop"),
    ("--nosuch get", "--nosuch get"),
    ("up --nodes 3", "up --nodes 3"),
])  # fmt: skip
def test_global_flags_may_stand_before_the_command(line: str, moved: str) -> None:
    assert moved_behind(line.split()) == moved.split()


def test_they_do_in_both_places(run: Run) -> None:
    said = 'error: context "nowhere" does not exist\n'
    assert run("--context", "nowhere", "get", "pods").err == said
    assert run("rollout", "--context=nowhere", "status", "deployment/web").err == said


def test_version_and_completion(run: Run) -> None:
    assert run("version").out.startswith("wherry ")
    assert "_WHERRY_COMPLETE=bash_complete" in run("completion", "bash").out


def test_flags_and_types_are_completed() -> None:
    from wherry.cli.kube.get import get

    context = click.Context(get, info_name="get")
    assert "--selector" in [item.value for item in get.shell_complete(context, "--sel")]
    assert "deployments" in [item.value for item in get.shell_complete(context, "deploy")]


def test_cluster_commands_have_examples_too() -> None:
    assert {"up", "status", "down", "logs", "kubeconfig", "demo", "node", "controllers", "scheduler"} <= EXAMPLES.keys() & CLUSTER.keys()
