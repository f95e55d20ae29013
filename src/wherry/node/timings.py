"""The default timings of simulated nodes, by the name under which callers of `SimulatedNodes` look for them."""

from wherry.rules.pods.kubelet.simulation import Timings

__all__ = ["Timings"]
