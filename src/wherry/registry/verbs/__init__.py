"""The verbs: get, list and watch (`reads`, `watches`), and writes, which go through the stages of `pipeline`."""
