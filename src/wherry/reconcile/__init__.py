"""The one loop all controllers share: watch, queue, gather, plan, apply."""

from wherry.reconcile.apply import Applied, Applier, raise_unless_gone
from wherry.reconcile.controller import Controller, Parts

__all__ = ["Applied", "Applier", "Controller", "Parts", "raise_unless_gone"]
