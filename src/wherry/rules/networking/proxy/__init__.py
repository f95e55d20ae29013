"""Where Services lead, and the nftables rules of it; for the service proxy."""
