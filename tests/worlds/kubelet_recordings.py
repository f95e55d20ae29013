"""The recordings of a real kubelet (`tests/golden/kubelet`), and what a cluster says of the same pods in their words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from wherry.api.resources import resource
from wherry.client.protocol import Client

GOLDEN = Path(__file__).parents[1] / "golden" / "kubelet"
PODS, EVENTS = resource("pods"), resource("events")


class Recording:
    def __init__(self, name: str) -> None:
        self._said = json.loads((GOLDEN / f"{name}.json").read_text())

    def pod(self, name: str) -> Any:
        for text in self._said["files"].values():
            if "kind: Pod" in text:
                for each in yaml.safe_load_all(text):
                    if each["metadata"]["name"] == name:
                        return each
        raise KeyError(name)

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """Type, reason and message of each, in order, without the scheduler's."""
        asked = f"kubectl get events --field-selector involvedObject.name={name} "
        step = next(s for s in self._said["steps"] if s["cmd"].startswith(asked))
        rows = [row.split("   ") for row in step["stdout"].splitlines()[1:] if row]
        return [(row[0], row[1], plain(row[3].strip(), {}) if len(row) > 3 else "") for row in rows if row[1] != "Scheduled"]

    def said(self, command: str, at: int = 0) -> str:
        return [s["stdout"] for s in self._said["steps"] if s["cmd"] == command][at]


def plain(value: Any, ids: dict[str, str]) -> Any:
    """Times, ids and addresses as in the recordings."""
    text = json.dumps(value)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<TIME>", text)
    text = re.sub(r"(?:simulated|process)://[0-9a-f]{64}", lambda m: ids.setdefault(m[0], f"<CID{len(ids) + 1}>"), text)
    text = re.sub(r"failed to create containerd task: .*? process: (.*?): unknown", r"\1", text)  # who started it words it
    text = re.sub(r"kube-api-access-[a-z0-9]{5}", "kube-api-access-<R>", text)
    text = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|<UID\d+>", "<UID>", text)
    return json.loads(text.replace("default/", "<NS>/").replace("_default(", "_<NS>("))


async def events_of(client: Client, name: str) -> list[tuple[str, str, str]]:
    listed = (await client.list(EVENTS, "default")).items
    listed = sorted((e for e in listed if e["involvedObject"]["name"] == name), key=lambda e: e["metadata"]["name"])
    return [(e["type"], e["reason"], plain(e["message"], {}).strip()) for e in listed if e["reason"] != "Scheduled"]


async def status_of(client: Client, name: str) -> Any:
    return (await client.get(PODS, "default", name))["status"]


async def create(client: Client, pod: Any) -> None:
    await client.create(PODS, "default", {**pod, "metadata": {**pod["metadata"], "namespace": "default"}})
