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
    """None: the default profile. Raises what `read_file` raises."""
    if options.scheduler_config is None:
        return None
    return read_file(options.scheduler_config).setup
