"""Services and pods at their addresses for programs of this machine: the option `expose_services`.

Called by `components` before nodes run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cluster.option_values import OptionError
from wherry.rules.networking.services.allocation import DEFAULT_CIDR
from wherry.rules.pods.kubelet.pod_ranges import USUAL

if TYPE_CHECKING:
    from wherry.node.real.nodes import RealNodes

_OTHERWISE = "without it Services are reached by kubectl port-forward, by an Ingress and by node ports"


async def begin(nodes: RealNodes) -> None:
    """Raises OptionError when the machine does not let this be, with why."""
    if nodes.fabric is None:
        raise OptionError(f"expose_services: the nodes' runtime has no network; {_OTHERWISE}")
    try:
        await nodes.fabric.expose((str(DEFAULT_CIDR), str(USUAL)))
    except PermissionError:
        raise OptionError(f"expose_services: this machine's routes are root's to set; {_OTHERWISE}") from None
    except OSError as error:
        raise OptionError(f"expose_services: {error.strerror or error}; {_OTHERWISE}") from error
