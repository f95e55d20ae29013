"""Bootstrap tokens go when they end, and nothing else does."""

from __future__ import annotations

from wherry import Cluster
from wherry.api.objects import name
from wherry.api.resources import resource
from wherry.kit.virtual import run_virtual
from wherry.rules.access.tokens import bootstrap
from wherry.rules.access.tokens.bootstrap import Token

SECRETS = resource("secrets")
NOW = 1_750_000_000.0


def test_a_token_goes_when_it_ends() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            async def there() -> list[str]:
                return sorted(name(each) for each in (await cluster.aclient.list(SECRETS)).items if "token" in name(each))

            for id, ends in (("aaaaaa", NOW + 60), ("bbbbbb", NOW + 600), ("cccccc", None), ("dddddd", NOW - 60)):
                await cluster.aclient.create(SECRETS, bootstrap.NAMESPACE, bootstrap.secret(Token(id, "0" * 16, ends)))
            other = bootstrap.secret(Token("eeeeee", "0" * 16, NOW - 60))
            await cluster.aclient.create(SECRETS, "default", {**other, "type": "Opaque", "metadata": {"name": "token-of-mine"}})
            await cluster.clock.sleep(5)
            kept = ["bootstrap-token-bbbbbb", "bootstrap-token-cccccc", "token-of-mine"]
            assert await there() == ["bootstrap-token-aaaaaa", *kept]
            await cluster.clock.sleep(60)
            assert await there() == kept
            await cluster.clock.sleep(600)
            assert await there() == kept[1:]

    run_virtual(story(), epoch=NOW)
