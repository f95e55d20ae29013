"""The scheduler's configuration file of a cluster, or of `wherry scheduler`, read before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wherry.cluster.options import Options
    from wherry.rules.placing.scheduling.configuration.read import Configuration
    from wherry.rules.placing.scheduling.setup import Setup


def read_file(path: Path | str) -> Configuration:
    """Raises ConfigurationError, which names the file and all that is wrong in it; OSError."""
    from wherry.rules.placing.scheduling.configuration.read import ConfigurationError, read

    try:
        return read(Path(path).read_text(encoding="utf-8"))
    except (ConfigurationError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def setup_of(options: Options) -> Setup | None:
    """None: the default profile. Raises what `read_file` raises, and ValueError for options that do not go together."""
    if options.scheduler_config is None:
        return None
    if options.processes > 1:
        raise ValueError("a scheduler configuration needs the scheduler in the first process: not together with two processes")
    return read_file(options.scheduler_config).setup
