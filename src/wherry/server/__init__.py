"""HTTP over the registry: paths, content negotiation, streaming, discovery, authentication."""
