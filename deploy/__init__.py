"""A run elsewhere: renting a machine, keeping a folder here and there the same, a cluster."""
