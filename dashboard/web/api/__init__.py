"""What the server knows, as JSON for programs."""
