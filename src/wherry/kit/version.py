"""The version of wherry, for whoever has to name it."""

from __future__ import annotations

VERSION = "0.1.0"
