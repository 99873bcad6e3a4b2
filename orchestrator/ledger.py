"""The budget: reserve before work starts, settle on the result, refund what was not run."""

from collections.abc import Mapping, Sequence

from state.records import Ledger, LedgerLine, PhaseName


def allot(budget: int, shares: Mapping[PhaseName, int]) -> dict[PhaseName, int]:
    """Cut `budget` by `shares` with the largest-remainder method; the parts sum to `budget`.

    Ties of the remainder go to the earlier phase.
    """
    total = sum(shares.values())
    whole = {name: budget * share // total for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: -(budget * shares[name] % total))
    for name in by_remainder[: budget - sum(whole.values())]:
        whole[name] += 1
    return whole


def open_ledger(budget: int, shares: Mapping[PhaseName, int], controls: Sequence[str]) -> Ledger:
    """A ledger in which nothing is spent. Each control has a line of `budget` steps of its own."""
    parts = allot(budget, shares)
    return Ledger(
        budget=budget,
        lines=tuple(LedgerLine(phase=name, allotted=steps) for name, steps in parts.items()),
        control=tuple(LedgerLine(phase="control", allotted=budget) for _ in controls),
    )


def line(ledger: Ledger, phase: PhaseName) -> LedgerLine:
    """The line of one phase."""
    return next(entry for entry in ledger.lines if entry.phase == phase)


def remaining(ledger: Ledger, phase: PhaseName) -> int:
    """Steps of the phase that are neither settled nor reserved."""
    entry = line(ledger, phase)
    return entry.allotted - entry.settled - entry.reserved


def spent(ledger: Ledger) -> int:
    """Settled steps of all phases, controls not counted."""
    return sum(entry.settled for entry in ledger.lines)


def reserve(ledger: Ledger, phase: PhaseName, steps: int) -> Ledger:
    """Set `steps` aside for work that is about to start."""
    assert 0 <= steps <= remaining(ledger, phase), (phase, steps, line(ledger, phase))
    entry = line(ledger, phase)
    return _with(ledger, entry.model_copy(update={"reserved": entry.reserved + steps}))


def settle(ledger: Ledger, phase: PhaseName, spent_steps: int) -> Ledger:
    """Turn the phase's reservation into what was really run; the rest is refunded."""
    entry = line(ledger, phase)
    assert 0 <= spent_steps <= entry.reserved, (phase, spent_steps, entry)
    settled = entry.settled + spent_steps
    return _with(ledger, entry.model_copy(update={"settled": settled, "reserved": 0}))


def transfer(ledger: Ledger, source: PhaseName, target: PhaseName, steps: int) -> Ledger:
    """Move free steps from one phase to another."""
    assert 0 <= steps <= remaining(ledger, source), (source, target, steps)
    return _given(_given(ledger, source, -steps), target, steps)


def reallot(
    ledger: Ledger, kept: Mapping[PhaseName, int], shares: Mapping[PhaseName, int]
) -> Ledger:
    """Leave each phase of `kept` so many free steps; spread what that frees over `shares`."""
    freed = 0
    for name, steps in kept.items():
        surplus = remaining(ledger, name) - steps
        assert surplus >= 0, (name, steps, line(ledger, name))
        ledger = _given(ledger, name, -surplus)
        freed += surplus
    for name, steps in allot(freed, shares).items():
        ledger = _given(ledger, name, steps)
    return ledger


def enlarge(
    ledger: Ledger, extra: int, shares: Mapping[PhaseName, int], num_controls: int
) -> Ledger:
    """Add `extra` steps to the budget and spread them over `shares`; controls begin anew."""
    budget = ledger.budget + extra
    controls = tuple(LedgerLine(phase="control", allotted=budget) for _ in range(num_controls))
    ledger = ledger.model_copy(update={"budget": budget, "control": controls})
    for name, steps in allot(extra, shares).items():
        ledger = _given(ledger, name, steps)
    return ledger


def settle_control(ledger: Ledger, index: int, steps: int) -> Ledger:
    """Book steps of a control arm, outside the budget."""
    entry = ledger.control[index]
    entry = entry.model_copy(update={"settled": entry.settled + steps})
    lines = (*ledger.control[:index], entry, *ledger.control[index + 1 :])
    return ledger.model_copy(update={"control": lines})


def _given(ledger: Ledger, phase: PhaseName, steps: int) -> Ledger:
    entry = line(ledger, phase)
    return _with(ledger, entry.model_copy(update={"allotted": entry.allotted + steps}))


def _with(ledger: Ledger, entry: LedgerLine) -> Ledger:
    lines = tuple(entry if old.phase == entry.phase else old for old in ledger.lines)
    return ledger.model_copy(update={"lines": lines})
