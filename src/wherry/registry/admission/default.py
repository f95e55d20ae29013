"""The chain that a cluster has unless told otherwise: the reference's plug-ins that are on by default, in its order.

Source: pkg/kubeapiserver/options/plugins.go (AllOrderedPlugins). Policies and webhooks come after all others but ResourceQuota, which is
the last, so that nothing refuses an object that was charged.
"""

from __future__ import annotations

import random

from wherry.api.resources import resource
from wherry.registry.admission import on_demand
from wherry.registry.admission.certificates import Certificates
from wherry.registry.admission.chain import Chain
from wherry.registry.admission.claim_resize import PersistentVolumeClaimResize
from wherry.registry.admission.default_ingress_class import DefaultIngressClass
from wherry.registry.admission.default_storage_class import DefaultStorageClass
from wherry.registry.admission.held_releases import HeldReleases
from wherry.registry.admission.lifecycle import NamespaceLifecycle
from wherry.registry.admission.limit_ranger import LimitRanger
from wherry.registry.admission.node_restriction import NodeRestriction
from wherry.registry.admission.pod_resize import PodResizeValidator
from wherry.registry.admission.pod_security import PodSecurity
from wherry.registry.admission.pods import DefaultTolerationSeconds, Priority
from wherry.registry.admission.rbac_escalation import RbacEscalation
from wherry.registry.admission.resource_quota import ResourceQuota
from wherry.registry.admission.runtime_class import RuntimeClass
from wherry.registry.admission.service_account import ServiceAccount
from wherry.registry.admission.storage_protection import StorageObjectInUseProtection
from wherry.registry.admission.taint_nodes import TaintNodesByCondition
from wherry.registry.admission.topology_labels import PodTopologyLabels
from wherry.registry.outside.calls import Outside
from wherry.store.protocol import Store


def default_chain(store: Store, rng: random.Random, outside: Outside, *, held_releases: bool = False) -> Chain:
    """`held_releases`: somebody drives rollouts in steps here."""
    return Chain(
        [
            NamespaceLifecycle(store),
            LimitRanger(store),
            ServiceAccount(store, rng),
            NodeRestriction(store),
            TaintNodesByCondition(),
            PodSecurity(store),
            Priority(store, resource("priorityclasses", "scheduling.k8s.io")),
            DefaultTolerationSeconds(),
            DefaultStorageClass(store),
            StorageObjectInUseProtection(),
            PersistentVolumeClaimResize(store),
            RuntimeClass(store),
            DefaultIngressClass(store),
            PodTopologyLabels(store),
            PodResizeValidator(store),
            Certificates(),
            RbacEscalation(),
            *([HeldReleases()] if held_releases else []),
            *on_demand.plugins(store, outside),
            ResourceQuota(store),
        ]
    )
