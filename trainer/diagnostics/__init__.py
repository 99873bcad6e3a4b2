"""What one trained model does inside, and what it makes of held-out text."""
