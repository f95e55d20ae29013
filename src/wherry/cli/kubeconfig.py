"""`wherry kubeconfig`: prints a kubeconfig of the running cluster, with the admin's token or with a client certificate."""

from __future__ import annotations

from pathlib import Path

import click

from wherry.cli import home as homes


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The cluster's data directory.")
@click.option("--client-certificate", is_flag=True, help="With a new client certificate (group system:masters) instead of the token.")
def kubeconfig(data_dir: Path | None, client_certificate: bool) -> None:
    """Print a kubeconfig for the cluster."""
    from wherry.cluster import kubeconfig as files
    from wherry.cluster import pki

    home = data_dir or homes.default_home()
    running = homes.read_note(home)
    if running is None:
        raise click.ClickException(f"no cluster runs in {home}; `wherry up` starts one")
    directory = home / "pki"
    ca = (directory / "ca.crt").read_text()
    if client_certificate:
        certificate, key = pki.issue(directory, "wherry-admin", organizations=("system:masters",))
        config = files.build(running.url, ca, certificate=certificate, key=key)
    else:
        config = files.build(running.url, ca, token=(directory / "token").read_text().strip())
    click.echo(files.dump(config), nl=False)
