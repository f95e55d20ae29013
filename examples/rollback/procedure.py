"""What the team does when a release goes wrong: wait for the deadline, go back, and check that nothing was lost on the way."""

from __future__ import annotations

from dataclasses import dataclass

from wherry import SyncCluster, WaitFailed


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds`: how long it took, on the cluster's clock. `cause`: what the failed rollout said."""

    released: bool
    seconds: float
    cause: str = ""


def release(cluster: SyncCluster, name: str, image: str) -> Outcome:
    """Puts an image into a Deployment; goes back when it does not come up."""
    from wherry import resource
    from wherry.api.options import STRATEGIC_PATCH

    begun = cluster.clock.now()
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    cluster.client.patch(resource("deployments", "apps"), "default", name, change, STRATEGIC_PATCH)
    rollout = cluster.rollout(f"deployment/{name}")
    try:
        rollout.finished("1h")
    except WaitFailed as failure:
        rollout.undo()
        rollout.finished("1h")
        return Outcome(False, cluster.clock.now() - begun, str(failure))
    return Outcome(True, cluster.clock.now() - begun)
