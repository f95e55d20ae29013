"""Benchmarks with fixed work: `python -m bench [part ...]`. They print figures and ratios; nothing here passes or fails."""
