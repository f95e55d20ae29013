"""What the kernel has of the routes of Services, and how it gets what changed: each Service whole, in as few transactions as fit.

Called by the service proxy alone. Invariant: what is remembered here is what the kernel took; after a refusal nothing is remembered, and
all is written anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.linux.fabric import Rules, apply_in_parts
from wherry.rules.networking.proxy import nft
from wherry.rules.networking.proxy.nft import Unit
from wherry.rules.networking.proxy.routes import Front, Routes

_PARTS = re.compile(r"[,{}\n]")
_LIST = f"list table ip {nft.TABLE}\n"


@dataclass(slots=True)
class _Service:
    """Of one Service, as the kernel has it."""

    units: dict[str, Unit] = field(default_factory=dict)
    leads: dict[Front, str] = field(default_factory=dict)
    addresses: frozenset[str] = frozenset()


class KernelRules:
    def __init__(self, fabric: Rules) -> None:
        self._fabric = fabric
        self._services: dict[str, _Service] = {}
        #: by which Service a front is used: two may name one external address, and the first keeps it
        self._owners: dict[Front, str] = {}
        self._hairpins: Counter[str] = Counter()
        #: Services that want a front that another one has
        self._wanting: set[str] = set()
        #: how often something was written, for looks beside; and whether something is being written
        self._written, self._writing = 0, False
        #: what was listed when nothing had changed, "" while that is not known
        self._listed = ""
        self.fresh = True

    def forget(self) -> None:
        """What the kernel has is not known any more: the next change writes everything, and must be of everything (`fresh`)."""
        self._services, self._owners, self._hairpins, self._wanting = {}, {}, Counter(), set()
        self._listed, self.fresh = "", True

    async def apply(self, changed: Mapping[str, Routes]) -> list[str]:
        """By Service, its routes now, {} for one that is gone; those that may want a front that got free. Raises RulesRefused."""
        made = {service: self._made(service, routes) for service, routes in changed.items()}
        more = Counter(address for one in made.values() for address in one.addresses)
        less = Counter(address for service in made for address in self._services.get(service, _NONE).addresses)
        after = self._hairpins + more - less
        steps = [nft.EMPTY] if self.fresh else []
        steps.append(nft.hairpin([each for each in more if not self._hairpins[each] and after[each]], add=True))
        steps += [self._step(self._services.get(service, _NONE), new) for service, new in made.items()]
        steps.append(nft.hairpin([each for each in less if self._hairpins[each] and not after[each]], add=False))
        steps = [step for step in steps if step]
        if not steps:
            return []
        self._listed = ""
        self._written, self._writing = self._written + 1, True
        try:
            await apply_in_parts(self._fabric, steps)
        except BaseException:
            self.forget()
            raise
        finally:
            self._writing = False
        self.fresh = False
        return self._took(made, after)

    def _made(self, service: str, routes: Routes) -> _Service:
        made = _Service()
        self._wanting.discard(service)
        for front, route in routes.items():
            if self._owners.get(front, service) != service:
                self._wanting.add(service)
                continue
            one = nft.unit(route)
            made.leads[front] = one.name if one is not None else ""
            if one is not None:
                made.units[one.name] = one
        used = (route for front, route in routes.items() if front in made.leads)
        made.addresses = frozenset(backend.address for route in used for backend in route.backends)
        return made

    @staticmethod
    def _step(old: _Service, new: _Service) -> str:
        puts = [nft.put(one, old.units.get(called)) for called, one in new.units.items() if old.units.get(called) != one]
        leads = [nft.lead(front, new.leads.get(front), old.leads.get(front)) for front in {**old.leads, **new.leads}]
        drops = [nft.drop(one) for called, one in old.units.items() if called not in new.units]
        return "".join([*puts, *leads, *drops])

    def _took(self, made: Mapping[str, _Service], hairpins: Counter[str]) -> list[str]:
        freed = False
        for service, new in made.items():
            old = self._services.pop(service, _NONE)
            for front in old.leads.keys() - new.leads.keys():
                del self._owners[front]
                freed = True
            self._owners.update(dict.fromkeys(new.leads, service))
            if new.leads:
                self._services[service] = new
        self._hairpins = hairpins
        return sorted(self._wanting) if freed else []

    async def intact(self) -> bool:
        """Whether the kernel still has what it took: as many rules as were written, and the same as at the look before, if nothing was
        changed from here since.

        Raises RulesRefused where the table is gone.
        """
        if self.fresh or self._writing:
            return True
        written = self._written
        listed = _static(await self._fabric.rules(_LIST))
        if written != self._written:
            return True
        before, self._listed = self._listed, listed
        return before == listed if before else listed.count("dnat ") == self._translations()

    def _translations(self) -> int:
        """How many rules lead to backends."""
        units = (one for service in self._services.values() for one in service.units.values())
        return sum(" dnat " in rule for one in units for chain in one.chains for rule in chain.rules)


def _static(listed: str) -> str:
    """Without the clients that sets remember, which come and go by themselves; sorted, as the kernel's order is that of a hash."""
    parts = (part.strip() for part in _PARTS.split(listed))
    return "\n".join(sorted(part for part in parts if part and "expires" not in part and part != "elements ="))


_NONE = _Service()
