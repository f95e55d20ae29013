"""What the commands print, as pure functions of what the server said."""
