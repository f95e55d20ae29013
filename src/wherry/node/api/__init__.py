"""The kubelet's own API: what an API server asks of a node, over HTTPS, about the pods that run there.

Source: pkg/kubelet/server/server.go; https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/.
"""
