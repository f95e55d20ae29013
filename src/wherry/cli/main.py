"""The `wherry` command: its group, and how errors end it: `error: ...` on stderr and exit status 1, as kubectl's.

kubectl's global flags may stand before the command (`wherry -n shop get pods`), as scripts have them: they are moved behind it.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from wherry import __version__
from wherry.cli.commands import CLUSTER, COMMANDS, KUBECTL, LEFT
from wherry.cli.examples import EXAMPLES
from wherry.cli.kube import program
from wherry.cli.kube.options import moved_behind
from wherry.kit.garbage import look_seldom


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        known = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(known.module), known.attribute)
        if cmd_name in CLUSTER and cmd_name in EXAMPLES and not command.epilog:
            command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[cmd_name])
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args = moved_behind(args)
        if not args:
            click.echo(ctx.get_help())
            ctx.exit(0)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.ClickException(_no_such(args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in (("Clusters", CLUSTER), ("Objects and rollouts, on any cluster, with kubectl's words", KUBECTL)):
            with formatter.section(title):
                formatter.write_dl([(name, command.text) for name, command in commands.items()])
        formatter.write_paragraph()
        formatter.write_text("For everything else point your kubectl at the cluster.")


def _no_such(name: str) -> str:
    if name in LEFT:
        return f"wherry leaves `{name}` to kubectl, which works on its clusters: kubectl {name} ..."
    import difflib

    near = difflib.get_close_matches(name, [*COMMANDS, *LEFT], 1)
    return f'unknown command "{name}"' + (f"; did you mean `{near[0]}`?" if near else "") + "\nSee 'wherry --help' for the commands."


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wherry")
def cli() -> None:
    """A whole Kubernetes in one process: start it, point your kubectl at it, roll out."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point."""
    look_seldom()
    _print_anything()
    try:
        status = cli.main(args=arguments, prog_name=program.name(), standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        sys.exit(130)
    except click.UsageError as error:
        _end(_worded(error) + (f"\nSee '{error.ctx.command_path} --help' for usage." if error.ctx is not None else ""))
    except click.ClickException as error:
        _end(error.format_message())
    except OSError as error:
        if error.errno == errno.EPIPE:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _end(f"what was printed could not be written: {error.strerror}")
    sys.exit(status if isinstance(status, int) else 0)


def _end(message: str) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(1)


def _worded(error: click.UsageError) -> str:
    """In kubectl's words."""
    if isinstance(error, click.NoSuchOption):
        near = f" (did you mean {', '.join(error.possibilities)}?)" if error.possibilities else ""
        return f"unknown flag: {error.option_name}{near}"
    said = error.format_message().rstrip(".")
    said = said[:1].lower() + said[1:]
    return said.replace("is not a valid integer range", "is not a whole number").replace("is not a valid integer", "is not a whole number")


def _print_anything() -> None:
    """A terminal that cannot show a sign shows a question mark; no print may end a command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
