"""`/debug/`: what the process is doing, for administrators: JSON views that the cluster gives, by name.

Called by `app.ApiServer` for paths below `/debug`, after authorization: they are non-resource URLs, so a role with
`nonResourceURLs: ["/debug/*"]` (cluster-admin has all) opens them. The index names the views there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from wherry.server.rendering import not_found_text
from wherry.server.wire import Reply

#: name -> what it shows now, a JSON value
Views = Mapping[str, Callable[[], Any]]


def reply(parts: list[str], views: Views) -> Reply:
    """`parts`: the path, `debug` or `debug/<view>`."""
    name = "/".join(parts[1:])
    if not name:
        return _json({"paths": [f"/debug/{view}" for view in sorted(views)]})
    return _json(views[name]()) if name in views else not_found_text()


def _json(value: Any) -> Reply:
    return Reply(200, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n", "application/json")
