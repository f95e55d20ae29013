"""Health checks: `/healthz`, `/livez`, `/readyz`, with `?verbose`, `?exclude=` and one path per check.

Called before authentication. What is checked comes from the cluster through a callback: name of a part -> whether it works.
Source: k8s.io/apiserver/pkg/server/healthz; https://kubernetes.io/docs/reference/using-api/health-checks/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wherry.server.parameters import Parameters
from wherry.server.rendering import not_found_text, text_reply
from wherry.server.wire import Reply

Checks = Callable[[], Mapping[str, bool]]
PATHS = ("healthz", "livez", "readyz")
_PLAIN = (("X-Content-Type-Options", "nosniff"),)


class Health:
    """`ready`: the parts that must work before requests are served well. Liveness only asks whether this process still answers."""

    def __init__(self, ready: Checks) -> None:
        self._ready = ready
        self.stopping = False

    def _checks(self, endpoint: str) -> dict[str, bool]:
        if endpoint != "readyz":
            return {"ping": True}
        return {"ping": True, **self._ready(), "shutdown": not self.stopping}

    def reply(self, parts: list[str], p: Parameters) -> Reply:
        """`parts`: the path, `readyz` or `readyz/<check>`."""
        checks = self._checks(parts[0])
        if len(parts) == 1:
            return _summary(parts[0], checks, p)
        name = "/".join(parts[1:])
        if name not in checks:
            return not_found_text()
        if checks[name]:
            return text_reply(200, "ok", _PLAIN)
        return text_reply(500, f"internal server error: {name} is not ready\n", _PLAIN)


def _summary(endpoint: str, checks: Mapping[str, bool], p: Parameters) -> Reply:
    excluded = set(p.all("exclude"))
    lines, failed = [], False
    for name, works in checks.items():
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok\n")
        elif works:
            lines.append(f"[+]{name} ok\n")
        else:
            failed = True
            lines.append(f"[-]{name} failed: reason withheld\n")
    unknown = sorted(excluded - set(checks))
    if unknown:
        listed = ",".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}\n")
    if failed:
        return text_reply(500, f"{''.join(lines)}{endpoint} check failed\n", _PLAIN)
    if "verbose" not in p:
        return text_reply(200, "ok", _PLAIN)
    return text_reply(200, f"{''.join(lines)}{endpoint} check passed\n", _PLAIN)
