"""kr8s creates, waits for, patches and deletes a Deployment."""

from __future__ import annotations

import kr8s
import pytest
from kr8s.objects import Deployment, Pod

from tests.clients.manifests import deployment
from wherry import Cluster


# kr8s names the newest Kubernetes it was tested with
@pytest.mark.filterwarnings("ignore:Kubernetes version")

def test_deployment_from_create_to_delete(cluster: Cluster) -> None:
    api = kr8s.api(kubeconfig=cluster.kubeconfig)
    web = Deployment(deployment("kr8s"), api=api)
    web.create()
    web.wait("condition=Available", timeout=20)
    assert [d.name for d in kr8s.get("deployments", "kr8s", namespace="default", api=api)] == ["kr8s"]

    web.patch({"spec": {"replicas": 3}})
    web.wait("jsonpath='{.status.readyReplicas}'=3", timeout=20)
    assert len(list(web.pods())) == 3

    web.delete()
    web.wait("delete", timeout=20)
    assert not web.exists()


@pytest.mark.filterwarnings("ignore:Kubernetes version")
def test_pod_made_by_hand_is_seen_to_end(cluster: Cluster) -> None:
    """Who waits for the end of a pod sees it become unready before it is gone, as the kubelet's last status says."""
    api = kr8s.api(kubeconfig=cluster.kubeconfig)
    spec = {"containers": [{"name": "c", "image": "registry.k8s.io/pause:3.9"}]}
    pod = Pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "by-hand", "namespace": "default"}, "spec": spec}, api=api)
    pod.create()
    pod.wait("condition=Ready", timeout=20)
    seen = []
    pod.refresh()  # a watch goes on from the version that the object has
    pod.delete()
    for kind, obj in pod.watch():
        seen.append((kind, {c["type"]: c["status"] for c in obj.status.conditions}["Ready"]))
        if kind == "DELETED":
            break
    assert ("MODIFIED", "False") in seen
