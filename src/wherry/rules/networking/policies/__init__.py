"""What NetworkPolicies let through: from policies, pods and namespaces to a frozen set of rules, and that to nftables commands."""
