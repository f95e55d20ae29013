"""The name this program was called by: what help, recorded commands and hints show."""

from __future__ import annotations

import os
import sys


def name() -> str:
    """`wherry`, or the name of the link it was started through."""
    base = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else ""
    return base if base and not base.endswith(".py") and base != "-c" else "wherry"
