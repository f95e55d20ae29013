"""What policies and configurations of webhooks must be like."""
