"""Random streams derived from the run's seed.

Every stream is named by what it is for, so no draw depends on the order in which work completes
and nothing has to be saved to resume.
"""

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed that depends on `seed` and every name, order included."""
    text = "\x1f".join([str(seed), *(f"{type(name).__name__}:{name}" for name in names)])
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator (Philox, counter based) for the stream that `names` spell."""
    return np.random.Generator(np.random.Philox(derive_seed(seed, *names)))
