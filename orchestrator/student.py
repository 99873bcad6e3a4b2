"""Student's t, for what is judged by a few measurements."""

from functools import lru_cache


@lru_cache(maxsize=256)
def t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """The value that t stays below with this probability."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))
