"""One property of sampled text a file: a number in [0, 1], higher is better."""
