"""The commands that work against any API server, in kubectl's words: a thin face over the client and the rollout library."""
