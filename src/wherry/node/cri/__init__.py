"""Containers by a container runtime of the machine (containerd, CRI-O), over the Container Runtime Interface v1."""
