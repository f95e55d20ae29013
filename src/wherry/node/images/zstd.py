"""Layers that are packed with Zstandard, made plain before they are unpacked: the helper that unpacks has Python's own library alone.

Called by the process engine's `layers`. The library is imported with the first such layer. Source: RFC 8878, section 3.1.1 (the magic
number); https://github.com/opencontainers/image-spec/blob/main/layer.md (+zstd media types).
"""

from __future__ import annotations

from pathlib import Path

_MAGIC = b"\x28\xb5\x2f\xfd"


def made_plain(blob: Path, target: Path) -> bool:
    """Writes it to `target`; False for a blob that is packed otherwise. Raises OSError, and ValueError for a broken one."""
    with blob.open("rb") as source:
        if source.read(len(_MAGIC)) != _MAGIC:
            return False
        import zstandard

        source.seek(0)
        try:
            with target.open("wb") as plain:
                zstandard.ZstdDecompressor().copy_stream(source, plain)
        except zstandard.ZstdError as error:
            target.unlink(missing_ok=True)
            raise ValueError(f"it is no whole Zstandard stream: {error}") from error
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return True
