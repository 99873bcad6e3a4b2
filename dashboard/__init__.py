"""What a person sees of a run. Reads `state` only; can be killed and started at any time."""
