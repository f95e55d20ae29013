"""What every part of the registry shares: the store, the strategies, the clock, the source of names.

What is worked out from stored objects (pod specs, custom kinds, RBAC's policy, which plug-ins are awake) follows the store's log, so it
hears of every write, whoever made it. Made once by the cluster; the verbs (`reads`, `creates`, `updates`, `patches`, `deletes`,
`watches`) are functions of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wherry.api import timestamps
from wherry.api.options import Target
from wherry.api.resources import LEGACY_VERSIONS, Resource, ResourceTable
from wherry.registry.custom import Customs
from wherry.registry.event_writes import Admitted
from wherry.registry.outside.calls import Outside
from wherry.registry.pod_specs import PodSpecs
from wherry.registry.rbac.stored import StoredPolicy
from wherry.registry.request import Admission
from wherry.registry.tokens.issuer import Issuer
from wherry.rules.custom import kind as custom_kinds
from wherry.rules.kinds import STRATEGIES, legacy
from wherry.rules.objects.strategy import PLAIN, Strategy
from wherry.store.protocol import Store

#: the alphabet of generated names: no vowels, no look-alikes (k8s.io/apimachinery/pkg/util/rand)
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
#: generateName keeps this much of its prefix, so that five more characters fit a label
MAX_GENERATED_PREFIX = 58
_NEW_EVENT = "Event.events.k8s.io"


@dataclass(slots=True)
class Core:
    """The registry's means. `now` gives seconds since the epoch, `rng` uids and name suffixes."""

    store: Store
    now: Callable[[], float]
    rng: random.Random
    table: ResourceTable
    admission: Admission
    outside: Outside
    strategies: Mapping[str, Strategy] = field(default_factory=lambda: STRATEGIES)
    pod_specs: PodSpecs = field(default_factory=PodSpecs)
    events: Admitted = field(default_factory=Admitted)
    #: held from the choice of a cluster IP or node port until the Service that has it is stored
    allocating: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: check what trusted writers promise (see `trusted`), and keep what was found
    test_mode: bool = False
    findings: list[AssertionError] = field(default_factory=list)
    #: of tokens of service accounts
    issuer: Issuer = field(default_factory=Issuer)
    customs: Customs = field(init=False)
    #: what roles and bindings allow
    policy: StoredPolicy = field(init=False)

    def __post_init__(self) -> None:
        self.customs = Customs(self.table)
        self.policy = StoredPolicy(self.store)
        for each in (self.pod_specs, self.events, self.customs):
            each.follow(self.store)

    def strategy(self, resource: Resource) -> Strategy:
        custom = custom_kinds.of(resource)
        return self.strategies.get(resource.group_kind, PLAIN) if custom is None else custom.strategy

    def strategy_asked(self, resource: Resource) -> Strategy:
        """Of a write of `resource`: that of the stored kind, but for versions of the past, and Events of the new group."""
        if (resource.group, resource.version) in LEGACY_VERSIONS and (old := legacy.strategy(resource.api_version, resource.kind)):
            return old
        return self.strategy(resource if resource.group_kind == _NEW_EVENT else self.table.storage(resource))

    def new_uid(self) -> str:
        """A random UUID, version 4 (RFC 9562)."""
        bits = self.rng.getrandbits(128) & ~(0xF000 << 64 | 0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def suffix(self) -> str:
        return "".join(self.rng.choices(ALPHABET, k=5))

    def timestamp(self) -> str:
        return timestamps.time(self.now())


def prefix(storage: Resource, namespace: str = "") -> str:
    """The key prefix of a resource's objects, all or one namespace's."""
    return f"{storage.group_resource}/{namespace}/" if namespace else f"{storage.group_resource}/"


def key(storage: Resource, namespace: str, name: str) -> str:
    return f"{storage.group_resource}/{namespace}/{name}" if storage.namespaced else f"{storage.group_resource}/{name}"


def target_key(core: Core, target: Target) -> str:
    return key(core.table.storage(target.resource), target.namespace, target.name)
