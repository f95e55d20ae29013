"""Objects between the version somebody speaks of and the one they are stored in: bodies decoded, custom kinds converted."""
