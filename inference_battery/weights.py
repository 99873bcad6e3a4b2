"""The frozen weights of the composite.

A change of a weight, of a probe or of what is asked raises COMPOSITE_VERSION: composites of
different versions do not compare.
"""

from types import MappingProxyType

COMPOSITE_VERSION = 2
FLOOR = 0.01
"""A probe below this counts as this."""

WEIGHTS = MappingProxyType(
    {
        "fluency": 0.10,
        "lexical_validity": 0.21,
        "distinctness": 0.10,
        "repetition": 0.10,
        "relevance": 0.07,
        "novelty": 0.11,
        "ending": 0.05,
        "diversity": 0.15,
        "robustness": 0.11,
    }
)
"""They add up to 1. Fitted on all of nine trainings on three texts; docs/design/battery.md says
what weights fitted on some of the texts do on the others.
"""
