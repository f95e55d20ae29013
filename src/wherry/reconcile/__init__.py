"""The one loop all controllers share: watch, queue, gather, plan, apply."""

from wherry.reconcile.apply import Applied, Applier
from wherry.reconcile.controller import Controller, Parts

__all__ = ["Applied", "Applier", "Controller", "Parts"]
