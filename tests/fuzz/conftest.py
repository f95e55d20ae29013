"""The server under attack, for the tests of this folder."""

from tests.fuzz.fuzz_world import target

__all__ = ["target"]
