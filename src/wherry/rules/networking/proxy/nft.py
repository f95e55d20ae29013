"""The nftables text of all routes: one table that is replaced in one transaction, so no packet sees a half of it.

A map leads from address, protocol and port to a chain of the Service's port, which picks a backend: at random, or by the client's address.
Who reaches itself through a Service is masqueraded (hairpin). Addresses without backends are refused before translation.
"""

from __future__ import annotations

from wherry.rules.networking.proxy.routes import Front, Route, Routes

TABLE = "wherry-services"


def table(routes: Routes) -> str:
    """For `nft -f`; it replaces what is there."""
    live = {front: route for front, route in routes.items() if route.backends}
    chains: dict[Route, str] = {}
    for route in live.values():
        chains.setdefault(route, f"s{len(chains)}")
    jumps = [f"{_key(front)} : goto {chains[route]}" for front, route in live.items()]
    refused = [_key(front) for front, route in routes.items() if not route.backends]
    pods = sorted({backend.address for route in live.values() for backend in route.backends})
    knock = "ip daddr . meta l4proto . th dport"
    # TCP by a reset: a plain reject left clients in the fabric's own namespace waiting
    refuse = f"{knock} @refused meta l4proto tcp reject with tcp reset; {knock} @refused reject;"
    body = [
        f"set refused {{ type ipv4_addr . inet_proto . inet_service; {_elements(refused)}}}",
        f"set hairpin {{ type ipv4_addr . ipv4_addr; {_elements([f'{pod} . {pod}' for pod in pods])}}}",
        *(f"chain {called} {{ {line}; }}" for route, called in chains.items() for line in [_pick(route)]),
        f"map services {{ type ipv4_addr . inet_proto . inet_service : verdict; {_elements(jumps)}}}",
        *(f"chain no-{hook} {{ type filter hook {hook} priority -110; {refuse} }}"
          for hook in ("input", "forward", "output")),
        f"chain prerouting {{ type nat hook prerouting priority -100; {knock} vmap @services; }}",
        f"chain output {{ type nat hook output priority -100; {knock} vmap @services; }}",
        "chain postrouting { type nat hook postrouting priority 100; ip saddr . ip daddr @hairpin masquerade; }",
    ]  # fmt: skip
    return f"table ip {TABLE}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n" + "\n".join(body) + "\n}\n"


def _key(front: Front) -> str:
    return f"{front.address} . {front.protocol} . {front.port}"


def _elements(items: list[str]) -> str:
    return f"elements = {{ {', '.join(items)} }}; " if items else ""


def _pick(route: Route) -> str:
    ends = ", ".join(f"{at} : {each.address} . {each.port}" for at, each in enumerate(route.backends))
    by = "jhash ip saddr" if route.sticky else "numgen random"
    return f"meta l4proto {{ tcp, udp }} dnat ip to {by} mod {len(route.backends)} map {{ {ends} }}"
