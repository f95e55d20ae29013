"""Texts that are read and written in the manner of Go and of Kubernetes: durations, schedules, image names, JSONPath, values."""
