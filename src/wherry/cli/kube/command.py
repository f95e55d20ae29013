"""The click commands of this package: kubectl's way of reading a command line, errors and exit codes around an async function.

Each command module makes one `KubeCommand`; `run(kube, given)` does the work and may return an exit status. Nothing but click and the
flags is imported until a command runs, so that --help is quick.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from wherry.cli.kube import program
from wherry.cli.kube.flags import Flag, FlagError, Given, parse
from wherry.cli.kube.options import CONNECTION, moved_behind

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from wherry.cli.kube.session import Kube

Run = Callable[["Kube", Given], Awaitable[int | None]]


class KubeCommand(click.Command):
    """`usage`: what stands after the command's name; `summary`: its help."""

    def __init__(self, name: str, run: Run, flags: Iterable[Flag], *, usage: str = "", summary: str = "") -> None:
        super().__init__(name, help=summary, context_settings={"help_option_names": ["-h", "--help"]})
        self.flags = tuple(flags)
        self._run = run
        self._usage = usage

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        before = args[: args.index("--")] if "--" in args else args
        if "--help" in before or "-h" in before:
            click.echo(ctx.get_help())
            ctx.exit(0)
        try:
            given = parse(args, (*self.flags, *CONNECTION))
        except FlagError as error:
            self._refuse(ctx, str(error))
        for flag in self.flags:
            if flag.deprecated and given.said(flag.name):
                click.echo(f"Flag --{flag.name} has been deprecated, {flag.deprecated}", err=True)
        ctx.obj = given
        return []

    def _refuse(self, ctx: click.Context, message: str) -> None:
        hint = "" if message.startswith("required flag(s)") else f"\nSee '{command_path(ctx)} --help' for usage."
        click.echo(f"Error: {message}{hint}", err=True)
        ctx.exit(1)

    def invoke(self, ctx: click.Context) -> int:
        from wherry.cli.kube.session import execute

        return execute(self._run, ctx.obj, command_path(ctx).split()[1:])

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(command_path(ctx), f"{self._usage} [flags]".strip())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from wherry.cli.examples import EXAMPLES

        lines = EXAMPLES.get(" ".join(command_path(ctx).split()[1:]), ())
        if lines:
            with formatter.section("Examples"):
                for line in lines:
                    formatter.write(f"{'':>{formatter.current_indent}}{line.format(program=program.name())}\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Flags, and types of objects."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            words = [(f"--{flag.name}", flag.help) for flag in (*self.flags, *CONNECTION) if not flag.hidden]
        else:
            from wherry.api.resources import TABLE

            words = [(row.plural, row.kind) for row in TABLE]
        return [CompletionItem(word, help=text) for word, text in words if word.startswith(incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, flags in (("Options", self.flags), ("Connection", CONNECTION)):
            with formatter.section(title):
                formatter.write_dl([(_names(flag), _described(flag)) for flag in flags if not flag.hidden])


def command_path(ctx: click.Context) -> str:
    """`wherry rollout status`, by the name the program was called."""
    words: list[str] = []
    at: click.Context | None = ctx
    while at is not None and at.parent is not None:
        words.insert(0, at.info_name or "")
        at = at.parent
    return " ".join([program.name(), *words])


def _names(flag: Flag) -> str:
    value = "" if flag.kind == "bool" else f" {flag.kind.upper()}"
    return f"-{flag.short}, --{flag.name}{value}" if flag.short else f"    --{flag.name}{value}"


def _described(flag: Flag) -> str:
    shown = _shown(flag)
    return flag.help + (f"  [default: {shown}]" if shown else "")


def _shown(flag: Flag) -> str:
    """The default as one would write it; "" for one that says nothing (-1: not given)."""
    if flag.default in (None, False, "", (), -1):
        return ""
    if flag.kind != "duration":
        return str(flag.default).lower() if flag.default is True else str(flag.default)
    minutes, seconds = divmod(float(flag.default), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{n:g}{unit}" for n, unit in parts if n) or ("" if not flag.default else f"{flag.default:g}s")


class KubeGroup(click.Group):
    """Subcommands in modules of their own: name -> (module, attribute, one line of help). `listing`: what no subcommand prints."""

    def __init__(self, name: str, table: dict[str, tuple[str, str, str]], *, summary: str, listing: str = "") -> None:
        super().__init__(
            name, help=summary, callback=self._without_command, invoke_without_command=True,
            context_settings={"help_option_names": ["-h", "--help"]},
        )  # fmt: skip
        self.table = table
        self._listing = listing

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args = moved_behind(args)
        if args and not args[0].startswith("-") and args[0] not in self.table:
            path = command_path(ctx)
            click.echo(f'error: unknown command "{" ".join(args)}"\nSee \'{path} -h\' for help and examples', err=True)
            ctx.exit(1)
        return super().parse_args(ctx, args)

    def _without_command(self) -> int:
        """What the group does itself: say what there is. Called before a subcommand too."""
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            click.echo(self._listing.format(program=program.name()) or ctx.get_help())
        return 1

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in self.table.items()])


def joined(flags: Sequence[Flag | Iterable[Flag]]) -> tuple[Flag, ...]:
    """Single flags and groups of them as one tuple."""
    return tuple(flag for part in flags for flag in ((part,) if isinstance(part, Flag) else part))
