"""The chain that a cluster has unless told otherwise."""

from __future__ import annotations

import random

from wherry.api.resources import resource
from wherry.registry.admission.chain import Chain
from wherry.registry.admission.lifecycle import NamespaceLifecycle
from wherry.registry.admission.pods import DefaultTolerationSeconds, Priority
from wherry.registry.admission.service_account import ServiceAccount
from wherry.store.protocol import Store


def default_chain(store: Store, rng: random.Random) -> Chain:
    return Chain(
        [
            NamespaceLifecycle(store),
            ServiceAccount(store, rng),
            DefaultTolerationSeconds(),
            Priority(store, resource("priorityclasses", "scheduling.k8s.io")),
        ]
    )
