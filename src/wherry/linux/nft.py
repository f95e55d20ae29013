"""nftables by the system's library, in this process: a transaction of a few rules in under a millisecond, where a program costs ten.

Where only the program `nft` is there, it is run. Source: man 3 libnftables.
"""

from __future__ import annotations

import ctypes


class NftError(Exception):
    """The rules were not taken; nftables' own words."""


class NftMissing(Exception):
    """Neither library nor program is installed."""


class Nft:
    """Acts on the network namespace of the thread that calls. Raises NftMissing."""

    def __init__(self) -> None:
        self._library: ctypes.CDLL | None = None
        self._program = ""
        try:
            self._library = ctypes.CDLL("libnftables.so.1")
        except OSError:
            import shutil

            self._program = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin") or ""
            if not self._program:
                raise NftMissing("nftables is not installed (Debian: libnftables1 or nftables)") from None
        else:
            self._open(self._library)

    def run(self, text: str) -> str:
        """One transaction, or a question (`list ...`); what was printed. Raises NftError."""
        if self._library is None:
            return self._run_program(text)
        if self._library.nft_run_cmd_from_buffer(self._context, text.encode()):
            raise NftError(self._error())
        said: bytes = self._library.nft_ctx_get_output_buffer(self._context) or b""
        return said.decode(errors="replace")

    def _open(self, library: ctypes.CDLL) -> None:
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        library.nft_ctx_get_error_buffer.argtypes = [ctypes.c_void_p]
        self._context = ctypes.c_void_p(library.nft_ctx_new(0))
        library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        library.nft_ctx_get_output_buffer.argtypes = [ctypes.c_void_p]
        library.nft_ctx_buffer_error(self._context)
        library.nft_ctx_buffer_output(self._context)

    def _error(self) -> str:
        assert self._library is not None
        said: bytes = self._library.nft_ctx_get_error_buffer(self._context) or b"no reason given"
        return said.decode(errors="replace").strip()

    def _run_program(self, text: str) -> str:
        import subprocess

        done = subprocess.run([self._program, "-f", "-"], input=text.encode(), capture_output=True, check=False)
        if done.returncode:
            raise NftError(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode(errors="replace")
