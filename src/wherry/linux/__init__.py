"""What Linux offers and Python does not: namespaces, mounts, id maps, netlink, nftables, cgroups, ptys. Not a word of Kubernetes."""
