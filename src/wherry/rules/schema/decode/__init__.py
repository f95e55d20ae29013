"""Decoding: what a client sent becomes what the registry works with.

`parse` bytes -> value; `decode` body -> object and warnings, or BadRequest; `normalise` an object at hand. See `body`.
"""

from wherry.rules.schema.decode.body import Body, Decoded, decode, decode_into, decode_options
from wherry.rules.schema.decode.body import normalise_object as normalise
from wherry.rules.schema.decode.reader import Parsed, parse

__all__ = ["Body", "Decoded", "Parsed", "decode", "decode_into", "decode_options", "normalise", "parse"]
