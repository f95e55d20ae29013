"""A network for pods where the container runtime has none: a configuration of the standard CNI plug-ins, written for it.

Called by the engine when the runtime says that it has no network. A routed pair of links for each pod (`ptp`) with addresses of the node's
range (`host-local`): no bridge, so nothing has to be loaded into the kernel, and pods reach themselves by their Service. A configuration
that is there, of whomever, is left alone. Source: https://www.cni.dev/docs/spec/, https://www.cni.dev/plugins/current/main/ptp/.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from wherry.kit.files import replace
from wherry.node.engine import Unavailable

FILE = "10-wherry.conflist"
_NEEDED = ("ptp", "host-local")
_INSTALL = "install the standard CNI plug-ins (Debian: containernetworking-plugins)"


def folders(config: Mapping[str, Any]) -> tuple[Path, list[Path]]:
    """Of configurations, and of plug-ins, as the runtime tells; else the usual ones."""
    cni = config.get("cni") or {}
    bins = [cni["binDir"]] if cni.get("binDir") else [*(cni.get("binDirs") or ())]
    return Path(cni.get("confDir") or "/etc/cni/net.d"), [Path(each) for each in bins or ("/opt/cni/bin", "/usr/lib/cni")]


def conflist(ranges: Sequence[str], data: str, *, ports: bool) -> bytes:
    """`ranges`: of pod addresses; `data`: where `host-local` keeps who has which; `ports`: whether ports of the node lead to pods'."""
    ipam = {
        "type": "host-local", "dataDir": data, "ranges": [[{"subnet": each} for each in found] for found in _families(ranges)],
        "routes": [{"dst": "::/0" if ":" in found[0] else "0.0.0.0/0"} for found in _families(ranges)],
    }  # fmt: skip
    plugins: list[dict[str, Any]] = [{"type": "ptp", "ipMasq": False, "ipam": ipam}]
    if ports:
        plugins.append({"type": "portmap", "capabilities": {"portMappings": True}, "snat": True})
    return msgspec.json.format(msgspec.json.encode({"cniVersion": "0.4.0", "name": "wherry", "plugins": plugins}), indent=2)


def _families(ranges: Sequence[str]) -> list[list[str]]:
    """A pod gets an address of each."""
    split = [[each for each in ranges if ":" not in each], [each for each in ranges if ":" in each]]
    return [each for each in split if each]


def outside(ranges: Sequence[str]) -> str:
    """nftables: what pods send to other networks comes from the machine's own address."""
    own = ", ".join(each for each in ranges if ":" not in each)
    rule = f"ip saddr {{ {own} }} ip daddr != {{ {own} }} fib daddr type != local masquerade"
    return (
        "table ip wherry-outside {}\ndelete table ip wherry-outside\n"
        f"table ip wherry-outside {{\nchain postrouting {{\ntype nat hook postrouting priority 100;\n{rule}\n}}\n}}\n"
    )


def _there(plugin: str, bins: Sequence[Path]) -> bool:
    return any(os.access(folder / plugin, os.X_OK) for folder in bins)


def write(config: Mapping[str, Any], ranges: Sequence[str], data: str) -> Path | None:
    """The file that was written; None where there is a configuration already. Raises Unavailable."""
    folder, bins = folders(config)
    if folder.is_dir() and any(each.suffix in (".conf", ".conflist", ".json") for each in folder.iterdir()):
        return None
    missing = [each for each in _NEEDED if not _there(each, bins)]
    if missing:
        places = " or ".join(map(str, bins))
        raise Unavailable(f"pods have no network: the CNI plug-in {' and '.join(missing)} is not in {places}", _INSTALL)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / FILE, conflist(ranges, data, ports=_there("portmap", bins)), 0o644)
    except OSError as error:
        raise Unavailable(f"pods have no network, and none can be set up: {error}", "write a CNI configuration") from error
    return folder / FILE
