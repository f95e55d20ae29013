"""RBAC over the store: the policy that the stored roles and bindings make, and the default roles of every cluster."""
