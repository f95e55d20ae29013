"""A rollout's snapshots as plain lines, for logs and pipes: one line for every change, each cause and each event once. Pure but for what
was said before.

Called by `rollout_live` when there is no terminal.
"""

from __future__ import annotations

from wherry.rollout.snapshot import Line, Snapshot


class Lines:
    """The text of each next snapshot of one rollout; "" when it says nothing new."""

    def __init__(self) -> None:
        self._said: set[tuple[str, ...]] = set()
        self._last = ""

    def text(self, found: Snapshot) -> str:
        state = self._state(found)
        out = "" if state == self._last else state + "\n"
        self._last = state
        for cause in found.causes:
            if self._new("cause", cause.pod, cause.container, cause.reason, "log" if cause.log else ""):
                out += f"{found.object}: {cause}\n" + "".join(f"{found.object}:   | {line}\n" for line in cause.log)
        for event in found.events:
            if event.type == "Warning" and self._new("event", event.about, event.reason, event.message):
                out += f"{found.object}: {event.reason}: {event.about}: {event.message}\n"
        return out

    def _new(self, *key: str) -> bool:
        if key in self._said:
            return False
        self._said.add(key)
        return True

    def _state(self, found: Snapshot) -> str:
        lines = "; ".join(_sentence(line) for line in sorted(found.revisions, key=lambda line: -line.revision))
        end = "rolled out" if found.done else f"failed: {found.failed}" if found.failed else "rolling out"
        if found.steps is not None:
            lines = f"{found.steps}; {lines}"
        return f"{found.object}: {end}: {found.updated}/{found.wanted} updated, {found.available} available; {lines}"


def _sentence(line: Line) -> str:
    parts = [f"{number} {word}" for number, word in ((line.ready, "ready"), (line.starting, line.trouble or "starting"),
                                                     (line.terminating, "terminating")) if number]
    return f"revision {line.revision} ({','.join(line.images)}): {', '.join(parts) or line.trouble or 'no pods'}"
