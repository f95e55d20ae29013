"""Routes as nftables: one table, a chain for each route, one map from address, protocol and port to the chain; and only what changed.

Called by the service proxy. Addresses without endpoints are refused before translation. Who reaches itself through a Service is masqueraded
(hairpin). A route whose clients are to come back to the same backend has a chain and a set of clients for each backend: the set forgets a
client that has not come for the Service's timeout. Invariant: each step is taken by the kernel as a whole, so no packet sees half a route.
Source: man 8 nft.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from wherry.rules.networking.proxy.endpoints import Backend
from wherry.rules.networking.proxy.routes import Choice, Front, Route

TABLE = "wherry-services"
_KNOCK = "ip daddr . meta l4proto . th dport"
_FRONT = "ipv4_addr . inet_proto . inet_service"
# TCP by a reset: a plain reject left clients in the fabric's own namespace waiting
_REFUSE = f"{_KNOCK} @refused meta l4proto tcp reject with tcp reset; {_KNOCK} @refused reject;"
#: the table without routes; it replaces what is there
EMPTY = "\n".join([
    f"table ip {TABLE}",
    f"delete table ip {TABLE}",
    f"table ip {TABLE} {{",
    f"set refused {{ type {_FRONT}; }}",
    "set hairpin { type ipv4_addr . ipv4_addr; }",
    f"map services {{ type {_FRONT} : verdict; }}",
    *(f"chain no-{hook} {{ type filter hook {hook} priority -110; {_REFUSE} }}" for hook in ("input", "forward", "output")),
    f"chain prerouting {{ type nat hook prerouting priority -100; {_KNOCK} vmap @services; }}",
    f"chain output {{ type nat hook output priority -100; {_KNOCK} vmap @services; }}",
    "chain postrouting { type nat hook postrouting priority 100; ip saddr . ip daddr @hairpin masquerade; }",
    "}\n",
])  # fmt: skip


class Chain(NamedTuple):
    name: str
    rules: tuple[str, ...]


class Unit(NamedTuple):
    """One route in the kernel: its chain first, those of its backends after it, and their sets with how long they remember (seconds)."""

    chains: tuple[Chain, ...]
    sets: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        return self.chains[0].name


class Leads(NamedTuple):
    """What a front leads to: a unit's name, "" for one that refuses."""

    front: Front
    to: str


def unit(route: Route) -> Unit | None:
    """None for a route that refuses."""
    if not route.choices:
        return None
    name = "s-" + hashlib.sha256(route.name.encode()).hexdigest()[:12]
    if not route.sticky:
        return Unit((Chain(name, tuple(_pick(choice) for choice in route.choices)),))
    named = {backend: f"{name}-{backend.address}-{backend.port}" for backend in route.backends}
    main = Chain(name, tuple(rule for choice in route.choices for rule in _pick_again(choice, named)))
    ends = tuple(Chain(called, (f"update @c{called} {{ ip saddr }}", _to(backend))) for backend, called in named.items())
    return Unit((main, *ends), tuple((f"c{called}", route.sticky) for called in named.values()))


def _pick(choice: Choice) -> str:
    ends = choice.backends
    if not ends:
        return _from(choice) + "drop"
    if len(ends) == 1:
        return _from(choice) + _to(ends[0])
    listed = ", ".join(f"{at} : {each.address} . {each.port}" for at, each in enumerate(ends))
    return f"{_from(choice)}meta l4proto {{ tcp, udp, sctp }} dnat ip to numgen random mod {len(ends)} map {{ {listed} }}"


def _pick_again(choice: Choice, named: dict[Backend, str]) -> Iterable[str]:
    """Whoever came before goes where it went; the others are spread."""
    ends = choice.backends
    if not ends:
        return [_from(choice) + "drop"]
    known = [f"{_from(choice)}ip saddr @c{named[each]} goto {named[each]}" for each in ends]
    listed = ", ".join(f"{at} : goto {named[each]}" for at, each in enumerate(ends))
    return [*known, f"{_from(choice)}numgen random mod {len(ends)} vmap {{ {listed} }}"]


def _from(choice: Choice) -> str:
    return f"ip saddr {{ {', '.join(choice.sources)} }} " if choice.sources else ""


def _to(backend: Backend) -> str:
    return f"meta l4proto {{ tcp, udp, sctp }} dnat ip to {backend.address}:{backend.port}"


# --- steps ---
def put(new: Unit, old: Unit | None) -> str:
    """The unit as it is now; its front's step comes in the same transaction."""
    before = old or Unit(())
    fresh = [each for each in new.sets if each not in before.sets]
    gone = [each for each in before.sets if each not in new.sets]
    kept = {chain.name for chain in new.chains}
    there = {chain.name for chain in before.chains}
    lost = sorted(there - kept)
    return "".join([
        *(f"{'flush' if chain.name in there else 'add'} chain ip {TABLE} {chain.name}\n" for chain in new.chains),
        *(f"flush chain ip {TABLE} {each}\n" for each in lost),
        *(f"delete chain ip {TABLE} {each}\n" for each in lost),
        *(f"delete set ip {TABLE} {each}\n" for each, _ in gone),
        *(f"add set ip {TABLE} {each} {{ type ipv4_addr; flags dynamic, timeout; timeout {seconds}s; }}\n" for each, seconds in fresh),
        *(f"add rule ip {TABLE} {chain.name} {rule}\n" for chain in reversed(new.chains) for rule in chain.rules),
    ])  # fmt: skip


def drop(old: Unit) -> str:
    """It goes, after its fronts."""
    return "".join([
        *(f"flush chain ip {TABLE} {chain.name}\n" for chain in old.chains),
        *(f"delete chain ip {TABLE} {chain.name}\n" for chain in old.chains),
        *(f"delete set ip {TABLE} {each}\n" for each, _ in old.sets),
    ])  # fmt: skip


def lead(front: Front, new: str | None, old: str | None) -> str:
    """`new`, `old`: the name of a unit, "" to refuse, None for nothing."""
    if new == old:
        return ""
    key = f"{front.address} . {front.protocol} . {front.port}"
    text = ""
    if old is not None:
        text += f"delete element ip {TABLE} {'services' if old else 'refused'} {{ {key} }}\n"
    if new is not None:
        text += f"add element ip {TABLE} services {{ {key} : goto {new} }}\n" if new else f"add element ip {TABLE} refused {{ {key} }}\n"
    return text


def hairpin(addresses: Iterable[str], *, add: bool) -> str:
    """Pods that may reach themselves through a Service."""
    pairs = ", ".join(f"{each} . {each}" for each in sorted(addresses))
    return f"{'add' if add else 'delete'} element ip {TABLE} hairpin {{ {pairs} }}\n" if pairs else ""
