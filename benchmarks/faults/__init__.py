"""Short real runs in which a fault is really there: who finds it, how soon, and what answers it."""
