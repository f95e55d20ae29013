"""The nouns of Kubernetes: resources, objects, errors, quantities, timestamps. Does no I/O and reads no clock."""
