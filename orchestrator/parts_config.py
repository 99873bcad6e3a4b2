"""The parts of the search. A run may do without each, which is how its worth is measured."""

from typing import Literal

from state.base import Record


class PartsConfig(Record):
    """What takes part. What a run leaves out costs nothing, but for steps that were reserved."""

    search: Literal["evolved", "random", "none"] = "evolved"
    """Challengers are children of the champion, and migrants; or genomes drawn at random, whatever
    was found before; or there are none, and the lineages train.
    """
    migration: bool = True
    """Lineages see each other's genomes, as migrants and as mates."""
    synchrony: bool = True
    """Lineages are coupled oscillators. Else none ever locks, and all are equally likely to send a
    migrant.
    """
    morph: bool = True
    """A new activation is blended in over half of the steps; else it is there at once."""
    noise_test: bool = True
    """A gain must exceed its noise, twice; else the largest one is taken, however small."""
