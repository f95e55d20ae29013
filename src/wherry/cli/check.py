"""`wherry check`: are the objects in a data directory those that were written, and mend them if they are not.

A cluster does not start on damaged objects, and names them; this says more, and what can be done. The cluster must not run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wherry.cli import home as homes

if TYPE_CHECKING:
    from wherry.store.check import Report


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The cluster's data directory.")
@click.option("--mend", is_flag=True, help="Put the last whole version in the place of each damaged object, or take it away.")
@click.pass_context
def check(context: click.Context, data_dir: Path | None, mend: bool) -> None:
    """Look for damaged objects in the store of a cluster that does not run. Ends with status 1 when there are any."""
    from wherry.store import check as checking
    from wherry.store.protocol import StoreError
    from wherry.store.sqlite import FILE

    path = (data_dir or homes.default_home()) / FILE
    try:
        if mend:
            mended = checking.mend(path)
            for damage in mended:
                kept = f"its damaged bytes are in {path.with_name(f'damaged-{damage.revision}')}"
                done = f"is again as it was at revision {damage.before}" if damage.before else "is gone: there was no whole version of it"
                click.echo(f"{damage.key} {done}; {kept}")
            click.echo(f"{path}: {len(mended)} damaged objects mended" if mended else f"{path}: all objects are whole")
            return
        report = checking.examine(path)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    for line in (*_lines(report), f"{path}: {report.objects} objects, {len(report.damaged)} of them damaged"):
        click.echo(line)
    if not report.is_whole:
        click.echo(f"`wherry check --mend --data-dir {path.parent}` mends what can be mended; copy the directory first")
        context.exit(1)


def _lines(report: Report) -> list[str]:
    lines = [f"the file itself: {text}" for text in report.structure]
    for damage in report.damaged:
        before = f"the version of revision {damage.before} is whole" if damage.before else "no earlier version is there"
        lines.append(f"{damage.key} (revision {damage.revision}) is damaged; {before}")
    if report.history:
        lines.append(f"{report.history} older versions are damaged")
    return lines
