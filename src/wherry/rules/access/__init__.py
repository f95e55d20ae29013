"""Who may do what: RBAC and nodes (`rbac`), tokens of service accounts (`tokens`), certificate requests (`csr`), the audit policy
(`audit`)."""
