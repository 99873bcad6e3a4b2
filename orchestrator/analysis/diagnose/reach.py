"""How long the texts are that a model without attention is given."""

REACH, LEAST_REACH, MOST_REACH = 2_048, 512, 16_384
"""Tokens of the longest."""
