"""Images: their names, where they come from (archives, layouts, registries), and how they are kept by digest in the data directory."""
