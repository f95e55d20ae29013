"""A cluster calls webhooks, also while its clock is virtual."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.registry.admission_dynamic.dynamic_world import GROUP, config_map
from tests.registry.admission_dynamic.hook_server import HookServer, hook_server
from wherry import Cluster
from wherry.api.errors import StatusError
from wherry.api.resources import resource

HOOKS, CONFIG_MAPS = resource("validatingwebhookconfigurations", GROUP), resource("configmaps")


@pytest.fixture
def server() -> Iterator[HookServer]:
    """On a loop and thread of its own."""
    found: list[HookServer] = []
    ready, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with hook_server() as made:
            found.append(made)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(30)
    loop.close()


@pytest.mark.parametrize("time", ["real", "virtual"])
def test_a_webhook_is_called(server: HookServer, time: Any) -> None:
    hook = server.hook("/no", lambda request: {"allowed": request["name"] == "good", "status": {"message": "no"}})
    with Cluster(serve=False, time=time, seed=1) as cluster:
        cluster.client.create(HOOKS, "", {"metadata": {"name": "h"}, "webhooks": [hook]})
        cluster.client.create(CONFIG_MAPS, "default", config_map("good"))
        with pytest.raises(StatusError, match=r'admission webhook "no\.hooks\.example" denied the request: no'):
            cluster.client.create(CONFIG_MAPS, "default", config_map("bad"))
