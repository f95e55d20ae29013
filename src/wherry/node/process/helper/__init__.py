"""The helper process: process 1 of its own namespaces, with one thread; it makes pods and containers as the main process tells it.

Started by `node.process.launch` as `python -I -S .../helper/__main__.py`, so it imports the standard library, `wherry.linux` and these
modules alone. Requests and answers are JSON messages on a SEQPACKET socket (`linux.passing`); when that
ends, so do the helper and all it made.
"""
