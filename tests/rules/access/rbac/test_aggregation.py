"""Aggregated roles and the first objects of who is who, on a whole cluster."""

from __future__ import annotations

import asyncio

from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource

GROUP = "rbac.authorization.k8s.io"
ROLES = resource("clusterroles", GROUP)


async def with_rule(cluster: Cluster, name: str, rule: Obj) -> Obj:
    """The role, once it has the rule."""
    async with asyncio.timeout(20):
        while True:
            found: Obj = await cluster.aclient.get(ROLES, "", name)
            if rule in (found.get("rules") or ()):
                return found
            await asyncio.sleep(0.01)


def test_a_rule_for_viewers_reaches_viewers_editors_and_admins() -> None:
    async def main() -> None:
        async with Cluster(nodes=0, test_mode=True) as cluster:
            rule = {"apiGroups": ["x.example"], "resources": ["things"], "verbs": ["get"]}
            meta = {"name": "things", "labels": {f"{GROUP}/aggregate-to-view": "true"}}
            await cluster.aclient.create(ROLES, "", {"metadata": meta, "rules": [rule]})
            for name in ("view", "edit", "admin"):
                found = await with_rule(cluster, name, rule)
                owners = [(f["manager"], f["operation"]) for f in found["metadata"]["managedFields"]]
                assert ("clusterrole-aggregation-controller", "Apply") in owners
            maps = await cluster.aclient.list(resource("configmaps"), "kube-system")
            by_name = {m["metadata"]["name"]: m for m in maps.items}
            assert cluster.pki is not None
            told = by_name["extension-apiserver-authentication"]["data"]
            assert told["client-ca-file"] == cluster.pki.ca_pem
            assert told["requestheader-allowed-names"] == '["front-proxy-client"]'

    asyncio.run(main())
