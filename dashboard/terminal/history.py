"""The course of a run, remembered by a viewer: what a generation has measured is read once."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from dashboard.terminal.figures import finite, thinned
from state.metrics_reader import MetricsReader
from state.records import MemberRecord, StepMetrics
from state.store_rows import GenerationSummary

MOST_CHUNKS = 16
"""Chunks whose steps are read at one look, the newest first: a long run is caught up with in
several looks, so that none of them holds the run up.
"""
POINTS_OF_A_CHUNK = 32

Key = tuple[str, int, float | None]


class Point(NamedTuple):
    """What one generation measured, or one chunk of a host."""

    phase: str
    generation: int
    train_loss: float | None
    """Nats a token: mean of the champions, or the host's."""
    bits_per_byte: float | None
    """The best on the search split, or the host's."""
    distance: float | None = None
    """Between the genomes of the population."""


class Alarm(NamedTuple):
    """How often a chart has alarmed, and when it last did."""

    times: int
    last_step: int


Alarms = Mapping[int, Alarm]
"""By the chart's bit in `cusum_alerts`."""


class _Chunk(NamedTuple):
    losses: tuple[float, ...]
    alarms: tuple[tuple[int, int], ...] | None
    """(step, bits) of each alarm; None where no chart was drawn."""


class Past:
    """What is known of the generations of one run."""

    def __init__(self) -> None:
        self._run_id = ""
        self._points: dict[Key, Point] = {}
        self._chunks: dict[Key, _Chunk] = {}
        self._order: list[Key] = []
        self.newest_steps: tuple[StepMetrics, ...] = ()
        """Of the newest chunk of a model that trains alone."""

    def update(self, store: MetricsReader, run_id: str, *, single: bool) -> None:
        """Read what is new. Generations that were taken back are forgotten."""
        if run_id != self._run_id:
            self._run_id, self._points, self._chunks, self.newest_steps = run_id, {}, {}, ()
        generations = store.generations(run_id)
        self._order = [_key(generation) for generation in generations]
        known = set(self._order)
        self._points = {key: one for key, one in self._points.items() if key in known}
        self._chunks = {key: one for key, one in self._chunks.items() if key in known}
        self._read_points(store, [one for one in generations if _key(one) not in self._points])
        if single:
            self._read_chunks(store)

    @property
    def complete(self) -> bool:
        """Nothing is left to be caught up with."""
        return not self._chunks or len(self._chunks) == len(self._order)

    @property
    def course(self) -> tuple[Point, ...]:
        """Every generation, in order."""
        return tuple(self._points[key] for key in self._order if key in self._points)

    @property
    def losses(self) -> tuple[float, ...]:
        """The training loss of the chunks that are known, in order."""
        return tuple(loss for chunk in self._known_chunks() for loss in chunk.losses)

    @property
    def alarms(self) -> Alarms | None:
        """Of every chart that has alarmed; None where none was drawn."""
        drawn = [chunk.alarms for chunk in self._known_chunks() if chunk.alarms is not None]
        found: dict[int, Alarm] = {}
        for step, bits in (alarm for alarms in drawn for alarm in alarms):
            for bit in (1 << place for place in range(bits.bit_length()) if bits >> place & 1):
                count = found[bit].times if bit in found else 0
                found[bit] = Alarm(count + 1, step)
        return found if drawn else None

    def _known_chunks(self) -> list[_Chunk]:
        return [self._chunks[key] for key in self._order if key in self._chunks]

    def _read_points(self, store: MetricsReader, new: Sequence[GenerationSummary]) -> None:
        if len(new) > 1:
            members = store.members(self._run_id)
        else:
            members = tuple(m for g in new for m in store.members(self._run_id, g.generation))
        by_place: dict[tuple[str, int], list[MemberRecord]] = {}
        for member in members:
            by_place.setdefault((member.phase, member.generation), []).append(member)
        for one in new:
            own = by_place.get((one.phase, one.generation), [])
            self._points[_key(one)] = _point(one, own)

    def _read_chunks(self, store: MetricsReader) -> None:
        missing = [key for key in reversed(self._order) if key not in self._chunks][:MOST_CHUNKS]
        for key in missing:
            hosts = [m for m in store.members(self._run_id, key[1]) if m.role == "host"]
            steps = store.steps(self._run_id, hosts[-1].member_id) if hosts else ()
            self._chunks[key] = _chunk(steps)
            if key == self._order[-1]:
                self.newest_steps = steps


def _key(generation: GenerationSummary) -> Key:
    return generation.phase, generation.generation, generation.best_bits_per_byte


def _point(generation: GenerationSummary, members: Iterable[MemberRecord]) -> Point:
    own = [member for member in members if member.role in {"champion", "host", "control"}]
    losses = finite(member.train_loss for member in own)
    hosts = finite(one.bits_per_byte for one in own if one.role in {"host", "control"})
    best = generation.best_bits_per_byte
    return Point(
        phase=generation.phase,
        generation=generation.generation,
        train_loss=fmean(losses) if losses else None,
        bits_per_byte=hosts[-1] if hosts else best,
        distance=generation.diversity,
    )


def _chunk(steps: Sequence[StepMetrics]) -> _Chunk:
    drawn = any(step.cusum_alerts is not None for step in steps)
    alarms = tuple((step.step, step.cusum_alerts) for step in steps if step.cusum_alerts)
    losses = thinned(finite(step.loss for step in steps), POINTS_OF_A_CHUNK)
    return _Chunk(tuple(losses), alarms if drawn else None)
