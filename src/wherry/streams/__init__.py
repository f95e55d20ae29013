"""Connections that carry several streams: exec, attach and port-forward, over SPDY/3.1 and over WebSocket, for both of their ends.

Used by `server` (towards clients, and towards kubelets) and by `node` (its own API). What a program's streams are is in `session`; what of
them goes over which wire is here; where the program runs, nothing here knows.
"""
