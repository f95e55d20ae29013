"""The store over etcd v3, for clusters of several machines: `store` is the store, the other modules are what it is made of."""
