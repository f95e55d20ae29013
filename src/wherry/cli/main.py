"""The `wherry` command: its group, and how errors end it (one line on stderr, exit status 1; 2 for wrong usage)."""

from __future__ import annotations

import importlib
import sys

import click

from wherry import __version__
from wherry.kit.garbage import look_seldom

#: command -> module that defines it under that name; a module is imported when its command is used
COMMANDS = {
    "up": ("wherry.cli.up", "up"),
    "status": ("wherry.cli.running", "status"),
    "down": ("wherry.cli.running", "down"),
    "logs": ("wherry.cli.running", "logs"),
    "kubeconfig": ("wherry.cli.kubeconfig", "kubeconfig"),
    "demo": ("wherry.cli.demo", "demo"),
    "snapshot": ("wherry.cli.snapshot", "snapshot"),
    "kind": ("wherry.cli.kind", "kind"),
    "check": ("wherry.cli.check", "check"),
    "controllers": ("wherry.cli.components", "controllers"),
    "scheduler": ("wherry.cli.components", "scheduler"),
    "node": ("wherry.cli.components", "node"),
    "image": ("wherry.cli.image", "image"),
    "rollout": ("wherry.cli.kube.rollout", "rollout"),
    "get": ("wherry.cli.kube.get", "get"),
    "create": ("wherry.cli.kube.create", "create"),
    "apply": ("wherry.cli.kube.apply", "apply"),
    "set": ("wherry.cli.kube.set", "set_"),
    "scale": ("wherry.cli.kube.scale", "scale"),
    "annotate": ("wherry.cli.kube.annotate", "annotate"),
    "label": ("wherry.cli.kube.label", "label"),
    "patch": ("wherry.cli.kube.patch", "patch"),
    "wait": ("wherry.cli.kube.wait", "wait"),
    "events": ("wherry.cli.kube.events", "events"),
    "delete": ("wherry.cli.kube.delete", "delete"),
    "rolling-update": ("wherry.cli.kube.rolling_update", "rolling_update"),
}


class LazyGroup(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wherry")
def cli() -> None:
    """A whole Kubernetes in one process: start it, point your kubectl at it, roll out."""


def main() -> None:
    """The entry point."""
    look_seldom()
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        click.echo(f"wherry: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(141)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
