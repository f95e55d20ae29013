"""Where the requests of Ingresses lead: a routing table, the way of one request through it, what an Ingress is told."""
