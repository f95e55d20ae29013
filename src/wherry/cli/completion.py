"""`wherry completion`: the script that completes commands, flags and types of objects in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_PLACES = {
    "bash": "~/.bashrc: source <(wherry completion bash)",
    "zsh": "~/.zshrc: source <(wherry completion zsh)",
    "fish": "~/.config/fish/completions/wherry.fish: the output of wherry completion fish",
}


@click.command(epilog="\b\n" + "\n".join(_PLACES.values()))
@click.argument("shell", type=click.Choice(list(_PLACES)))
def completion(shell: str) -> None:
    """Print a completion script for SHELL."""
    from wherry.cli.main import cli

    made = get_completion_class(shell)
    assert made is not None, shell
    click.echo(made(cli, {}, "wherry", "_WHERRY_COMPLETE").source())
