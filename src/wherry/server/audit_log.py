"""Where audit events go: a file that lines are added to, or standard output. Called by the cluster when it starts to serve."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wherry.rules.access.audit.policy import Policy, PolicyError


class AuditLog:
    """`-` is standard output. A line is written at once and in one piece."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._descriptor = -1
        self._printed = path == "-"
        if not self._printed:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: bytes) -> None:
        """Nothing is written any more after `close`."""
        if self._printed:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
        elif self._descriptor >= 0:
            os.write(self._descriptor, line)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_policy(path: Path) -> Policy:
    """Raises PolicyError."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f'failed to read file path "{path}": {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} is not YAML") from error
    try:
        return Policy(content)
    except PolicyError as error:
        raise PolicyError(f"{error}: from file {path}") from error
