"""Entry of the helper process: `__main__.py SOCKET`. The packages above it are entered without running what they import."""

from __future__ import annotations

import os
import sys
import types


def _enter(name: str, folder: str) -> None:
    """A package of that name whose `__init__` is not run."""
    package = types.ModuleType(name)
    package.__path__ = [folder]
    sys.modules[name] = package


def main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    for name in ("wherry.node.process.helper", "wherry.node.process", "wherry.node", "wherry"):
        _enter(name, here)
        here = os.path.dirname(here)
    from wherry.node.process.helper.boot import boot

    boot(int(sys.argv[1]))


main()
