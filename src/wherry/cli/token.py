"""`wherry token create|list|delete|generate`: bootstrap tokens, with which machines join a cluster; on any cluster that a kubeconfig names.

Source of the words: kubeadm token; https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-token/.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli.durations import Seconds
from wherry.rules.access.tokens import bootstrap

if TYPE_CHECKING:
    from wherry.client.http import HttpClient

_kubeconfig = click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="The cluster; as kubectl finds it.")
_output = click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is printed.")


@click.group()
def token() -> None:
    """Bootstrap tokens, with which machines join."""


@token.command()
def generate() -> None:
    """Print a token that no cluster knows yet."""
    click.echo(_drawn())


@token.command()
@click.argument("token", required=False)
@click.option("--ttl", type=Seconds(), default=bootstrap.DAY, help="How long it is good; 0 for ever.  [default: 24h]")
@click.option("--usages", default=",".join(bootstrap.USAGES), show_default=True, help="What it is for.")
@click.option("--groups", default=bootstrap.DEFAULT_GROUP, show_default=True, help="In which groups whoever has it is.")
@click.option("--description", default="", help="For people.")
@click.option("--print-kubeconfig", is_flag=True, help="Print a kubeconfig with it, for `wherry node --bootstrap-kubeconfig` and kubelets.")
@_kubeconfig
def create(
    token: str | None, ttl: float, usages: str, groups: str, description: str, print_kubeconfig: bool, kubeconfig: Path | None
) -> None:
    """Make a token; without TOKEN one is drawn. What machines need to join with it is made too, where it is missing."""
    wanted = [[each.strip() for each in text.split(",") if each.strip()] for text in (usages, groups)]
    try:
        id, hidden = bootstrap.parse(token or _drawn())
        bootstrap.check(*wanted)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    ends = time.time() + ttl if ttl else None
    made = bootstrap.Token(id, hidden, ends, tuple(wanted[0]), description, tuple(wanted[1]))

    async def work(client: HttpClient) -> str:
        from wherry.api.errors import AlreadyExists

        try:
            await client.create(_secrets(), bootstrap.NAMESPACE, bootstrap.secret(made))
        except AlreadyExists:
            raise click.ClickException(f"a token with id {made.id!r} already exists") from None
        if bootstrap.DEFAULT_GROUP in made.groups:
            await _let_join(client)
        return _bootstrap_kubeconfig(client, made) if print_kubeconfig else str(made)

    click.echo(_on(kubeconfig, work))


@token.command("list")
@_output
@_kubeconfig
def list_(output: str, kubeconfig: Path | None) -> None:
    """Show the tokens that there are."""

    async def work(client: HttpClient) -> list[bootstrap.Token]:
        found = (await client.list(_secrets(), bootstrap.NAMESPACE, field_selector=f"type={bootstrap.TYPE}")).items
        return sorted(each for each in map(bootstrap.token_of, found) if each is not None)

    found = _on(kubeconfig, work)
    now = time.time()
    if output == "json":
        click.echo(json.dumps([{"token": str(each), **_told(each)} for each in found], indent=2))
        return
    rows = [("TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"), *(_row(each, now) for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@token.command()
@click.argument("tokens", nargs=-1, required=True)
@_kubeconfig
def delete(tokens: tuple[str, ...], kubeconfig: Path | None) -> None:
    """Take tokens away, each named by its id or whole."""
    try:
        ids = [bootstrap.id_of(each) for each in tokens]
    except ValueError as error:
        raise click.UsageError(str(error)) from error

    async def work(client: HttpClient) -> None:
        from wherry.api.errors import NotFound

        for each in ids:
            try:
                await client.delete(_secrets(), bootstrap.NAMESPACE, bootstrap.PREFIX + each)
            except NotFound:
                raise click.ClickException(f"there is no bootstrap token {each!r}") from None
            click.echo(f'bootstrap token "{each}" deleted')

    _on(kubeconfig, work)


def _drawn() -> str:
    return ".".join("".join(secrets.choice(bootstrap.ALPHABET) for _ in range(length)) for length in (6, 16))


def _secrets() -> Any:
    from wherry.api.resources import resource

    return resource("secrets")


async def _let_join(client: HttpClient) -> None:
    from contextlib import suppress

    from wherry.api.errors import AlreadyExists
    from wherry.api.resources import resource

    for each in bootstrap.joining():
        with suppress(AlreadyExists):
            await client.create(resource("clusterrolebindings", "rbac.authorization.k8s.io"), "", each)


def _bootstrap_kubeconfig(client: HttpClient, made: bootstrap.Token) -> str:
    """The server and its CA as they are here, with the token."""
    from wherry.cluster import kubeconfig

    access = client.access
    ca = access.ca_data or (Path(access.ca_file).read_bytes() if access.ca_file else b"")
    return json.dumps(kubeconfig.build(access.server, ca.decode(), token=str(made)), indent=2)


def _told(one: bootstrap.Token) -> dict[str, Any]:
    from wherry.api import timestamps

    told: dict[str, Any] = {"usages": list(one.usages), "groups": list(one.groups)}
    if one.ends is not None:
        told["expires"] = timestamps.time(one.ends)
    if one.description:
        told["description"] = one.description
    return told


def _row(one: bootstrap.Token, now: float) -> tuple[str, ...]:
    from wherry.api import timestamps
    from wherry.rules.texts import age

    left = "<forever>" if one.ends is None else "<invalid>" if one.ends <= now else age.human(one.ends - now)
    expires = "<never>" if one.ends is None else timestamps.time(one.ends)
    return (str(one), left, expires, ",".join(one.usages) or "<none>", one.description or "<none>", ",".join(one.groups) or "<none>")


def _on(kubeconfig: Path | None, work: Callable[[HttpClient], Coroutine[Any, Any, Any]]) -> Any:
    """Done on the cluster of a kubeconfig. Raises ClickException."""
    from wherry.api.errors import StatusError
    from wherry.client.access import ConfigError
    from wherry.client.http import HttpClient
    from wherry.client.kubeconfig import Overrides, load

    async def whole() -> Any:
        async with HttpClient(load(Overrides(kubeconfig=str(kubeconfig) if kubeconfig else ""))) as client:
            return await work(client)

    try:
        return asyncio.run(whole())
    except (StatusError, ConfigError, OSError) as error:
        raise click.ClickException(str(error)) from error
