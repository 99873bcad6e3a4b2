"""Several runs side by side, and whether one is shown to be better."""
