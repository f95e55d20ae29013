"""The command line: `wherry up|status|down|logs|kubeconfig|demo`. Each command imports what it needs when it runs."""
