"""Signals by their names, as images, pods and people write them. Source: man 7 signal."""

from __future__ import annotations

from signal import SIGRTMAX, SIGRTMIN, Signals


def number_of(name: str) -> int:
    """With or without SIG, or a number already; SIGRTMIN+3 and SIGRTMAX-3 too. 0 for what is no signal."""
    if name.isdecimal():
        return int(name) if int(name) in set(Signals) else 0
    plain = name.upper().removeprefix("SIG")
    for prefix, base, sign in (("RTMIN+", SIGRTMIN, 1), ("RTMAX-", SIGRTMAX, -1)):
        if plain.startswith(prefix) and plain.removeprefix(prefix).isdecimal():
            return int(base) + sign * int(plain.removeprefix(prefix))
    found = getattr(Signals, f"SIG{plain}", None)
    return int(found) if found else 0
