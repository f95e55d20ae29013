"""The built-in ingress controller for pods that run programs: it listens on the machine and passes HTTP requests on to pods."""
