"""What pods send to addresses outside of the cluster, as nftables: TCP to a relay, questions for names to a name server, all else refused.

Written once by the outbound component. A connection is handed to the relay with the address and port that its client meant (a transparent
proxy and no translation): so policies that allow a block of addresses or a port judge it as it is. It comes after the translation of
Services' addresses, some of which (externalIPs) lie outside. Source: man 8 nft (tproxy statement).
"""

from __future__ import annotations

from collections.abc import Iterable

TABLE = "wherry-outbound"
LOOK = f"list table ip {TABLE}\n"
#: never outside: this host, its loopback, groups
_NOWHERE = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")
_OUTSIDE = "ip daddr != @inside ct direction original"


def table(inside: Iterable[str], relay: tuple[str, int], names: str) -> str:
    """In the place of what is there. `inside`: networks and addresses of the cluster; `names`: its name server's address, "" for none."""
    listed = ", ".join(sorted({*inside, *_NOWHERE}))
    asked = f"{_OUTSIDE} udp dport 53 dnat ip to {names}:53; " if names else ""
    return "\n".join([
        f"table ip {TABLE}",
        f"delete table ip {TABLE}",
        f"table ip {TABLE} {{",
        f"set inside {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {listed} }}; }}",
        f"chain names {{ type nat hook prerouting priority -95; {asked}}}",
        f"chain relay {{ type filter hook prerouting priority -90; {_OUTSIDE} meta l4proto tcp tproxy to {relay[0]}:{relay[1]}; }}",
        f"chain others {{ type filter hook input priority -5; {_OUTSIDE} meta l4proto != tcp reject with icmp type admin-prohibited; }}",
        "}\n",
    ])  # fmt: skip
