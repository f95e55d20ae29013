"""The resource table of a process without a registry of its own: follows CustomResourceDefinitions over its client.

Called for controllers that run over HTTP; in a cluster the registry keeps the table. A row comes when a definition's names are established.
"""

from __future__ import annotations

from wherry.api.objects import Obj, name
from wherry.api.resources import ResourceTable, resource
from wherry.client.informer import Informers
from wherry.rules.custom import kind

DEFINITIONS = resource("customresourcedefinitions", "apiextensions.k8s.io")


def follow_definitions(informers: Informers, table: ResourceTable) -> None:
    """From the informers' start on the table has what is served."""

    def changed(old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            table.put(name(new), kind.rows(new))
        elif old is not None:
            table.put(name(old), ())

    informers.of(DEFINITIONS).add_handler(changed)
