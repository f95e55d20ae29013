"""NetworkPolicies of real pods: a table of the fabric's nftables is kept as policies, pods and namespaces say.

Started by the cluster beside real nodes. A pod's rules stand before its containers start: the node asks (`admit`) once the pod has its
address and waits; where that fails the pod does not start (its sandbox fails, is told as an event and tried again). News of some
milliseconds go in together, and only what changed is written; after a start, and when somebody else changed the table, everything. What
nftables refuses is told (log and health) and tried again; the old rules hold meanwhile. Without policies there is no table.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from wherry.api.objects import Obj, labels, name, uid
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.linux.fabric import Fabric, RulesRefused, apply_in_parts
from wherry.rules.networking.policies import listing, nft
from wherry.rules.networking.policies.facts import PolicyPod, policy_pod
from wherry.rules.networking.policies.ruleset import Ruleset, World, ruleset

log = logging.getLogger(__name__)

#: seconds in which news are gathered, until refused rules are tried again, and for which a pod's start waits
_GATHER, _AGAIN, _PATIENCE = 0.01, 1.0, 10.0
#: seconds between two looks whether the rules are still there; a look takes a hundredth of the time at most
_LOOK, _SHARE = 3.0, 100
_EMPTY = Ruleset()


class NotEnforced(Exception):
    """The rules that a pod needs do not stand, so it must not start."""


class NetworkPolicies:
    """`families`: 4, 6; `others`: whom peers may mean besides pods."""

    def __init__(self, informers: Informers, fabric: Fabric, *, families: Sequence[int] = (4,), others: Sequence[PolicyPod] = ()) -> None:
        self._policies = informers.of(resource("networkpolicies", "networking.k8s.io"))
        self._pods = informers.of(resource("pods"))
        self._namespaces = informers.of(resource("namespaces"))
        self._nodes = informers.of(resource("nodes"))
        self._fabric = fabric
        self._others = tuple(others)
        #: by family, what the kernel has; None: not known
        self._applied: dict[int, Ruleset | None] = dict.fromkeys(families)
        #: by uid: addresses of pods that started here, which the API may not have yet; and what counts of all pods
        self._starting: dict[str, tuple[str, ...]] = {}
        self._facts: dict[str, PolicyPod] = {}
        self._news, self._hurry = asyncio.Event(), asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._trouble = ""
        self._policies.add_handler(self._changed, "network policies")
        self._pods.add_handler(self._pod_changed, "network policies")
        self._namespaces.add_handler(self._namespace_changed, "network policies")
        self._nodes.add_handler(self._node_changed, "network policies")

    def health(self) -> str:
        """Why the rules are not as the API says; "" when they are."""
        return self._trouble

    async def admit(self, pod: Obj, addresses: Sequence[str]) -> None:
        """Returns when the rules of a pod with these addresses stand. Raises NotEnforced."""
        self._starting[uid(pod)] = tuple(addresses)
        self._note(pod)
        if not len(self._policies) and all(each == _EMPTY for each in self._applied.values()):
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._news.set()
        self._hurry.set()
        try:
            async with asyncio.timeout(_PATIENCE):
                await waiting
        except TimeoutError:
            raise NotEnforced(self._trouble or f"the rules of network policies do not stand after {_PATIENCE:.3g} s") from None

    def forget(self, pod: Obj) -> None:
        """Its network is gone, and somebody else may get its addresses."""
        self._starting.pop(uid(pod), None)
        if self._facts.pop(uid(pod), None) is not None and len(self._policies):
            self._news.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        for each in (self._policies, self._pods, self._namespaces, self._nodes):
            await each.synced()
        # what the kernel has from an earlier start is not known
        self._applied = dict.fromkeys(self._applied)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            group.create_task(self._guard())

    async def _write(self) -> None:
        while True:
            self._news.clear()
            self._hurry.clear()
            waiting, self._waiting = self._waiting, []
            self._answer(waiting, await self._follow())
            await self._news.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER):
                    await self._hurry.wait()

    async def _guard(self) -> None:
        """Notices when somebody else took away or changed what is here."""
        loop, wait = asyncio.get_running_loop(), _LOOK
        while True:
            await asyncio.sleep(wait)
            begun = loop.time()
            for family, applied in list(self._applied.items()):
                if applied is not None and applied != _EMPTY and not await self._intact(family, applied):
                    log.warning("somebody else changed the rules of network policies: they are written anew")
                    self._applied[family] = None
                    self._news.set()
            wait = max(_LOOK, (loop.time() - begun) * _SHARE)

    async def _intact(self, family: int, applied: Ruleset) -> bool:
        """Also when it was written while this looked: then the next look tells."""
        try:
            listed = await self._fabric.rules(nft.look(family))
        except RulesRefused:
            listed = ""
        return self._applied[family] is not applied or listing.counts(listed) == listing.wanted(applied, family)

    def _answer(self, waiting: list[asyncio.Future[None]], refused: str) -> None:
        for each in waiting:
            if not each.done():
                if refused:
                    each.set_exception(NotEnforced(refused))
                else:
                    each.set_result(None)

    # --- rules ---
    async def _follow(self) -> str:
        """Why the rules are not as the API says now; "" when they are."""
        policies = list(self._policies.items())
        world = self._world() if policies else None
        try:
            for family, applied in self._applied.items():
                wanted = ruleset(policies, world, family) if world is not None else _EMPTY
                if wanted != applied:
                    await self._apply(family, applied, wanted)
        except RulesRefused as error:
            self._refused(f"nftables refused the rules of network policies: {error}")
        else:
            self._trouble = ""
        return self._trouble

    async def _apply(self, family: int, applied: Ruleset | None, wanted: Ruleset) -> None:
        """Raises RulesRefused."""
        if wanted == _EMPTY:
            texts = nft.end(family)
        elif applied is None or applied == _EMPTY:
            texts = [*nft.begin(family), *nft.changes(_EMPTY, wanted, family)]
        else:
            texts = nft.changes(applied, wanted, family)
        self._applied[family] = None
        await apply_in_parts(self._fabric, [f"{text}\n" for text in texts])
        self._applied[family] = wanted

    def _refused(self, why: str) -> None:
        if why != self._trouble:
            log.error("%s; tried again every %.3g s", why, _AGAIN)
        self._trouble = why
        asyncio.get_running_loop().call_later(_AGAIN, self._news.set)

    # --- facts ---
    def _world(self) -> World:
        namespaces = {name(each): labels(each) for each in self._namespaces.items()}
        nodes = {name(each): _addresses(each) for each in self._nodes.items()}
        return World(tuple(self._facts.values()), namespaces, nodes, self._others)

    # --- news ---
    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        self._news.set()

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        changed = False
        if old is not None and (new is None or uid(new) != uid(old)):
            self._starting.pop(uid(old), None)
            changed = self._facts.pop(uid(old), None) is not None
        if new is not None:
            changed = self._note(new) or changed
        if changed and len(self._policies):
            self._news.set()

    def _note(self, pod: Obj) -> bool:
        """Whether something that counts is another now."""
        before, found = self._facts.get(uid(pod)), policy_pod(pod, self._starting.get(uid(pod), ()))
        if found is None:
            self._facts.pop(uid(pod), None)
        else:
            self._facts[uid(pod)] = found
        return before != found

    def _namespace_changed(self, old: Obj | None, new: Obj | None) -> None:
        if (old and labels(old)) != (new and labels(new)):
            self._news.set()

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if (old and _addresses(old)) != (new and _addresses(new)):
            self._news.set()


def _addresses(node: Obj) -> tuple[str, ...]:
    return tuple(each["address"] for each in (node.get("status") or {}).get("addresses") or () if each["type"] == "InternalIP")
