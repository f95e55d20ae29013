"""`wherry certs check|renew`: when the certificates of a data directory end, and new ones before that.

Source of the words: kubeadm certs check-expiration and renew.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wherry.cli import home as homes

if TYPE_CHECKING:
    from wherry.cluster.known_certificates import Known

_home = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The cluster's data directory.")
#: seconds before its end from which on a certificate is marked
_SOON = 30 * 86400.0


@click.group()
def certs() -> None:
    """The certificates of a cluster."""


@certs.command()
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is printed.")
@_home
@click.pass_context
def check(context: click.Context, output: str, data_dir: Path | None) -> None:
    """Show when they end. Ends with status 1 when one has ended."""
    from wherry.cluster.known_certificates import CertificateError, known

    try:
        found = known(_folder(data_dir))
    except CertificateError as error:
        raise click.ClickException(str(error)) from error
    now = time.time()
    if output == "json":
        click.echo(json.dumps([_told(each) for each in found], indent=2))
    else:
        _print([("CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY"), *(_row(each, now) for each in found)])
    if any(each.ends <= now for each in found):
        context.exit(1)


@certs.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_home
def renew(names: tuple[str, ...], data_dir: Path | None) -> None:
    """Make new ones, of these names or all but the CA."""
    from wherry.cluster import known_certificates
    from wherry.cluster.known_certificates import CertificateError

    home = data_dir or homes.default_home()
    try:
        chosen = names or [each.name for each in known_certificates.known(_folder(data_dir)) if each.name != "ca"]
        for each in chosen:
            made = known_certificates.renew(_folder(data_dir), each)
            click.echo(f"certificate {made.name} renewed: good until {_moment(made.ends)}")
    except CertificateError as error:
        raise click.ClickException(str(error)) from error
    if (running := homes.read_note(home)) is not None:
        click.echo(f"the cluster that runs (pid {running.pid}) goes on with the old ones: `wherry down` and `wherry up` again")


def _folder(data_dir: Path | None) -> Path:
    return (data_dir or homes.default_home()) / "pki"


def _moment(seconds: float) -> str:
    from wherry.api import timestamps

    return timestamps.time(seconds)


def _told(one: Known) -> dict[str, str]:
    return {"name": one.name, "path": str(one.path), "expires": _moment(one.ends), "authority": one.signer}


def _row(one: Known, now: float) -> tuple[str, ...]:
    from wherry.rules.texts import age

    left = age.human(one.ends - now) if one.ends > now else "<ended>"
    return one.name, _moment(one.ends), left + (" (soon)" if now < one.ends < now + _SOON else ""), one.signer


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
