"""What is kept of a finished run: what it measured on test apart from everything else."""

from pydantic import JsonValue

from benchmarks.pays.place import Result
from benchmarks.pays.specs import Spec
from benchmarks.recording import commit
from orchestrator import ledger as books
from orchestrator.commits import Saved, restore
from orchestrator.stages.finale import winner_of
from state.commit import load_commit
from state.metrics_store import MetricsStore
from state.records import Evaluation, MemberRecord
from state.run_folder import RunFolder


def record_of(spec: Spec, folder: RunFolder) -> Result:
    """The figures of a finished run but for those on test."""
    saved = saved_in(folder)
    state, winner = saved.run, winner_of(saved.run)
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        members = store.members(state.run_id)
    return {
        "spec": spec.model_dump(mode="json"),
        "commit": commit(),
        "search": measured(winner.evaluation),
        "formula": winner.genome.formula,
        "best_age": winner.age_steps,
        "member_steps": books.spent(state.ledger),
        "tokens": state.ledger.tokens,
        "train_tokens": saved.config.data.train_tokens,
        "training_flops": state.ledger.training_flops,
        "evaluation_flops": state.ledger.evaluation_flops,
        "wall_seconds": saved.telemetry.wall_seconds,
        "dropout": saved.config.model.dropout,
        "history": [[age, bits] for age, bits, _ in state.final_host.history]
        if state.final_host
        else [],
        **(_population(saved, members) if spec.mode == "phases" else {}),
    }


def sealed_of(folder: RunFolder) -> Result:
    """What a finished run measured on test."""
    state = saved_in(folder).run
    assert state.final is not None
    assert state.final.test is not None
    return {"test": measured(state.final.test), "test_openings": state.test_openings}


def saved_in(folder: RunFolder) -> Saved:
    """What the last commit holds."""
    return restore(load_commit(folder, verify_objects=False).record)


def measured(evaluation: Evaluation) -> dict[str, JsonValue]:
    """Bits per byte, and the stretches that a bootstrap draws."""
    return {
        "bits_per_byte": evaluation.bits_per_byte,
        "nats_per_token": evaluation.nats_per_token,
        "blocks": [[nats, size] for nats, size in evaluation.blocks],
    }


def _population(saved: Saved, members: tuple[MemberRecord, ...]) -> Result:
    state = saved.run
    return {
        "evaluated": state.counts.evaluated,
        "accepted": [_accepted(one, members) for one in members if one.status == "accepted"],
        "regime": state.regime.model_dump(mode="json") if state.regime else None,
        "ensemble": state.ensemble.model_dump(mode="json") if state.ensemble else None,
        "steps": {line.phase: line.settled for line in state.ledger.lines},
        "gates": [[one.name, one.gate.verdict] for one in state.summaries],
    }


def _accepted(one: MemberRecord, members: tuple[MemberRecord, ...]) -> JsonValue:
    """An accepted activation, and the champion's of its generation."""
    place = (one.generation, one.lineage, "champion")
    champion = next(m for m in members if (m.generation, m.lineage, m.role) == place)
    return {
        "formula": one.genome.formula,
        "champion": champion.genome.formula,
        "phase": one.phase,
        "operator": one.operator,
        "gain": one.gain,
        "needed": one.gain_limit,
    }
