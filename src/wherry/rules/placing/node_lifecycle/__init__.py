"""What becomes of nodes that fall silent and of the pods on them: health, taints, evictions by taint, garbage. Pure."""
