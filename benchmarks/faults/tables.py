"""The tables of the planted faults: what is found how soon, and what its answer is worth."""

from collections.abc import Iterable, Sequence
from statistics import fmean, median

from pydantic import JsonValue

from benchmarks.faults.cases import CASES, Case
from benchmarks.faults.course import Course
from state.base import Record
from state.detector_names import DETECTOR_NAMES

FOUND = (*DETECTOR_NAMES, "throughput_collapse", "phase_slow")
"""Findings, and what the clock has to say."""


class Detection(Record):
    """How one fault is found, and how often it is found where nothing is planted."""

    finding: str
    case: str
    runs: int
    detected: int
    delays: tuple[int, ...]
    """Generations (chunks) from the planted one to the first with the finding, 0 for itself."""
    false_alarms: int
    """Healthy generations with the finding."""
    false_runs: int
    healthy_generations: int
    healthy_runs: int


class Ablation(Record):
    """The answer to one finding, given and withheld, on the same seeds."""

    finding: str
    pairs: int
    """Seeds on which both runs had the finding."""
    answered: tuple[int, ...]
    """Generations from the first with the finding to the first without, -1 where none came."""
    withheld: tuple[int, ...]
    back_answered: tuple[bool, ...]
    """Whether the finding came back after that: an answer may begin its evidence anew."""
    back_withheld: tuple[bool, ...]
    open_answered: float
    """Share of the generations after the first with the finding that have it still."""
    open_withheld: float
    bits: tuple[float, ...]
    """Best search bits per byte at the end, answered less withheld."""


def detection_rows(courses: Sequence[Course]) -> list[Detection]:
    """One row a case that plants something."""
    healthy = [one for one in courses if one.arm == "all"]
    return [_detection(case, courses, healthy) for case in CASES if case.finding]


def _detection(case: Case, courses: Sequence[Course], healthy: Sequence[Course]) -> Detection:
    assert case.finding is not None
    own = [one for one in courses if one.case == case.name and one.arm == "own"]
    each = [delay_of(one, case.finding, from_best=case.from_best) for one in own]
    delays = [delay for delay in each if delay is not None]
    calm = [one for one in healthy if _phase(one.case) == case.phase]
    alarms = [len(one.found(case.finding)) for one in calm]
    return Detection(
        finding=case.finding,
        case=case.name,
        runs=len(own),
        detected=len(delays),
        delays=tuple(delays),
        false_alarms=sum(alarms),
        false_runs=sum(map(bool, alarms)),
        healthy_generations=sum(len(one.generations) for one in calm),
        healthy_runs=len(calm),
    )


def delay_of(course: Course, finding: str, *, from_best: bool = False) -> int | None:
    """Generations from planting to the finding, or from the best one before it; None where it was
    missed.
    """
    found = [number for number in course.found(finding) if number >= course.planted]
    if not found:
        return None
    bits = [min(one.bits_per_byte) for one in course.generations[: found[0] + 1]]
    return found[0] - (bits.index(min(bits)) if from_best else course.planted)


def ablation_rows(courses: Iterable[Course]) -> list[Ablation]:
    """One row a case whose finding has an answer and was found in both arms."""
    by_key = {(one.case, one.arm, one.seed): one for one in courses}
    rows = []
    for case in CASES:
        pairs = [
            (one, by_key[case.name, "none", seed])
            for (name, arm, seed), one in by_key.items()
            if name == case.name and arm == "own" and (name, "none", seed) in by_key
        ]
        row = _ablation(case, pairs) if case.finding else None
        if row is not None:
            rows.append(row)
    return rows


def _ablation(case: Case, pairs: Sequence[tuple[Course, Course]]) -> Ablation | None:
    finding = case.finding
    assert finding is not None
    both = [pair for pair in pairs if all(delay_of(one, finding) is not None for one in pair)]
    if not both:
        return None
    return Ablation(
        finding=finding,
        pairs=len(both),
        answered=tuple(cleared_after(one, finding) for one, _ in both),
        withheld=tuple(cleared_after(one, finding) for _, one in both),
        back_answered=tuple(comes_back(one, finding) for one, _ in both),
        back_withheld=tuple(comes_back(one, finding) for _, one in both),
        open_answered=fmean(open_share(one, finding) for one, _ in both),
        open_withheld=fmean(open_share(one, finding) for _, one in both),
        bits=tuple(bits_between(*pair) for pair in both),
    )


def cleared_after(course: Course, finding: str) -> int:
    """Generations from the first with the finding to the next without; -1: none came."""
    found = [number for number in course.found(finding) if number >= course.planted]
    later = set(range(found[0], len(course.generations))) - set(found)
    return min(later) - found[0] if later else -1


def comes_back(course: Course, finding: str) -> bool:
    """Whether the finding is there again after it had cleared."""
    found = [number for number in course.found(finding) if number >= course.planted]
    return found[-1] - found[0] >= len(found)


def open_share(course: Course, finding: str) -> float:
    """Share of the generations after the first with the finding that have it still."""
    found = [number for number in course.found(finding) if number >= course.planted]
    after = len(course.generations) - 1 - found[0]
    return (len(found) - 1) / after if after else 1.0


def bits_between(answered: Course, withheld: Course) -> float:
    """Best search bits per byte at the end of the search or of the host, answered less withheld."""
    first, second = (min(one.generations[-1].bits_per_byte) for one in (answered, withheld))
    return first - second


def lines(rows: Sequence[Detection] | Sequence[Ablation]) -> list[str]:
    """The rows of a table in Markdown, its head included."""
    if not rows:
        return ["no rows"]
    cells = [_cells(row) for row in rows]
    head = list(cells[0])
    body = [" | ".join(row.values()) for row in cells]
    return [f"| {line} |" for line in (" | ".join(head), "|".join("---" for _ in head), *body)]


def _cells(row: Detection | Ablation) -> dict[str, str]:
    match row:
        case Detection():
            alarms = f"{row.false_alarms} of {row.healthy_generations}"
            return {
                "finding": row.finding,
                "planted": row.case,
                "found": f"{row.detected} of {row.runs}",
                "delay": _range(row.delays),
                "false alarms": f"{alarms} (in {row.false_runs} of {row.healthy_runs} runs)",
            }
        case Ablation():
            return {
                "finding": row.finding,
                "pairs": str(row.pairs),
                "clears after, answered": _list(row.answered, row.back_answered),
                "withheld": _list(row.withheld, row.back_withheld),
                "open, answered": f"{row.open_answered:.0%}",
                "open, withheld": f"{row.open_withheld:.0%}",
                "bits per byte, difference": ", ".join(f"{one:+.3f}" for one in row.bits),
            }


def _range(delays: tuple[int, ...]) -> str:
    if not delays:
        return "-"
    return f"{median(delays):g} ({min(delays)} to {max(delays)})"


def _list(values: tuple[int, ...], back: tuple[bool, ...]) -> str:
    pairs = zip(values, back, strict=True)
    return ", ".join("never" if one < 0 else f"{one}{'*' if again else ''}" for one, again in pairs)


def figures(courses: Sequence[Course]) -> dict[str, JsonValue]:
    """Both tables, and every finding of every run behind them."""
    return {
        "detection": [one.model_dump(mode="json") for one in detection_rows(courses)],
        "ablations": [one.model_dump(mode="json") for one in ablation_rows(courses)],
        "healthy": [_alarms(one) for one in courses if one.arm == "all"],
        "courses": [_told(one) for one in courses],
    }


def _alarms(course: Course) -> JsonValue:
    counts = {name: len(course.found(name)) for name in FOUND}
    return {
        "case": course.case,
        "seed": course.seed,
        "generations": len(course.generations),
        "findings": {name: count for name, count in counts.items() if count},
    }


def _told(course: Course) -> JsonValue:
    found: dict[str, JsonValue] = {
        name: list(course.found(name)) for name in FOUND if course.found(name)
    }
    answers = [n for n, one in enumerate(course.generations) if one.decision == "adapt"]
    return {
        "case": course.case,
        "arm": course.arm,
        "seed": course.seed,
        "planted": course.planted,
        "generations": len(course.generations),
        "found": found,
        "answered": list(answers),
        "bits_per_byte": [round(min(one.bits_per_byte), 5) for one in course.generations],
        "distance": [one.distance and round(one.distance, 4) for one in course.generations],
    }


def _phase(case: str) -> str:
    return next(one.phase for one in CASES if one.name == case)
