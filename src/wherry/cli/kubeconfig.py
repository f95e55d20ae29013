"""`wherry kubeconfig`: prints a kubeconfig of the running cluster, with the admin's token or with a client certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wherry.cli import home as homes


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The cluster's data directory.")
@click.option("--client-certificate", is_flag=True, help="With a new client certificate (group system:masters) instead of the token.")
def kubeconfig(data_dir: Path | None, client_certificate: bool) -> None:
    """Print a kubeconfig for the cluster."""
    from wherry.cluster import kubeconfig as files

    home = data_dir or homes.default_home()
    running = homes.running_in(home)
    directory = home / "pki"
    try:
        config = _config(running.url, directory, client_certificate)
    except OSError as error:
        raise click.ClickException(f"the credentials in {directory} cannot be read: {error.strerror}") from error
    click.echo(files.dump(config), nl=False)


def _config(url: str, directory: Path, client_certificate: bool) -> dict[str, Any]:
    from wherry.cluster import kubeconfig as files
    from wherry.cluster import pki

    ca = (directory / "ca.crt").read_text()
    if client_certificate:
        certificate, key = pki.issue(directory, "wherry-admin", organizations=("system:masters",))
        return files.build(url, ca, certificate=certificate, key=key)
    return files.build(url, ca, token=(directory / "token").read_text().strip())
