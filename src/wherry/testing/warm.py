"""Imports everything that a cluster needs when it starts; nothing is made and nothing runs. The plugin imports it before the first test."""

from wherry.client import informer, local, sync
from wherry.cluster import bootstrap, certificates, check, components, serving, sync_clock, thread
from wherry.kit import virtual
from wherry.registry import registry
from wherry.server import app, interference
from wherry.store import memory
from wherry.testing import fixtures

__all__ = [
    "app",
    "bootstrap",
    "certificates",
    "check",
    "components",
    "fixtures",
    "informer",
    "interference",
    "local",
    "memory",
    "registry",
    "serving",
    "sync",
    "sync_clock",
    "thread",
    "virtual",
]
