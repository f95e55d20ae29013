"""What leaves a machine's fabric for other machines, as nftables: pods under their own addresses, all else under the fabric's.

Written by the component that keeps the routes. Sources that other machines have no way back to (the fabric's gateway, which is the same on
all of them; nodes' own addresses; this machine's) become the address that this fabric has among machines, before anything else translates
them. Source: man 8 nft (snat).
"""

from __future__ import annotations

from collections.abc import Iterable

TABLE = "wherry-hosts"
_REFUSE = "reject with icmp type admin-prohibited"
LOOK = f"list table ip {TABLE}\n"


def table(own: str, inward: Iterable[str], links: Iterable[str], machine: str, gateway: str) -> str:
    """In the place of what is there. `own`: of the fabric, "" for none yet; `inward`: its pods' ranges; `links`: that lead to others.

    `machine`: this machine's address on the link, at which pods reach none of its programs. `gateway`: it may be of its pods' ranges.
    """
    leaving = f"oifname {{ {', '.join(links)} }} ip saddr"
    out = f"{leaving} {gateway} snat to {own}; {leaving} != {{ {', '.join(sorted(inward))} }} snat to {own};" if own else ""
    return "\n".join([
        f"table ip {TABLE}",
        f"delete table ip {TABLE}",
        f"table ip {TABLE} {{",
        f"chain forward {{ type filter hook forward priority 0; ip daddr {machine} ct direction original {_REFUSE}; }}",
        f"chain postrouting {{ type nat hook postrouting priority 80; {out} }}",
        "}\n",
    ])  # fmt: skip
