"""The end: open the test split, once, for the winner, the untrained model and the baselines.

A text of which nothing was held out for that is measured on the search split alone.
"""

from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import Dormant, FinalMeasures, OpenWork, RunState
from orchestrator.stages.battery_task import battery_task
from orchestrator.stages.conclusion import (
    Conclusion,
    Event,
    charge,
    evaluation_of,
    missing,
    result_of,
)
from state.genome import parse
from state.records import Decision, Evaluation, Split
from state.results import BaselineResult, BatteryResult, EvaluationResult
from state.seeds import derive_seed
from state.tasks import BaselineTask, EvaluationTask, Task

BATTERY_ID = "final-battery"


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Evaluations cost no member-steps."""
    return state.model_copy(update={"work": OpenWork()})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """Every evaluation that has no result yet."""
    winner = winner_of(state)
    seed = derive_seed(config.seed, "init", winner.lineage)
    threads = config.engine.host_threads or 1
    final = final_split(config)
    tasks: list[Task] = [
        EvaluationTask(
            task_id="final-winner",
            genome=winner.genome,
            checkpoint=winner.checkpoint,
            init_seed=seed,
            splits=("test", "search") if config.data.has_test else ("search",),
            threads=threads,
        ),
        EvaluationTask(
            task_id="final-untrained",
            genome=parse(config.train.activation),
            checkpoint=None,
            init_seed=derive_seed(config.seed, "init", 0),
            splits=(final,),
            threads=threads,
        ),
        BaselineTask(task_id="final-order2", split=final),
    ]
    if phases_of(config)[-1].kind != "single":
        tasks.append(battery_task(config, winner, BATTERY_ID, state.generation, whole=True))
    tasks += [
        EvaluationTask(
            task_id=f"final-control-{number}",
            genome=best.genome,
            checkpoint=best.checkpoint,
            init_seed=seed,
            splits=(final,),
            threads=threads,
        )
        for number, (_, best) in enumerate(trained_controls(state))
    ]
    return missing(state, tuple(tasks))


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """The run is finished."""
    split, final = final_split(config), _measures(state, config)
    result = f"{split}_bits_per_byte"
    bits = _measured(state, "final-winner", split).bits_per_byte
    decision = Decision(
        phase=phases_of(config)[-1].name,
        generation=state.generation - 1,
        kind="finish",
        reason="the budget is spent",
        numbers={result: bits},
    )
    update = {
        "final": final,
        "status": "finished",
        "ledger": charge(state),
        "work": None,
        "test_openings": state.test_openings + config.data.has_test,
        "last_decision": decision,
    }
    event = Event(
        kind="finished",
        data={
            result: round(bits, 5),
            "untrained": round(final.untrained.bits_per_byte, 5),
            "order2": round(final.order2_bits_per_byte, 5),
            "formula": winner_of(state).genome.formula,
        },
    )
    battery = result_of(state, BATTERY_ID)
    return Conclusion(
        state=state.model_copy(update=update),
        decisions=(decision,),
        battery=battery.report if isinstance(battery, BatteryResult) else None,
        events=(event,),
    )


def final_split(config: RunConfig) -> Split:
    """The split that the run is read for."""
    return "test" if config.data.has_test else "search"


def _measures(state: RunState, config: RunConfig) -> FinalMeasures:
    """Every evaluation; without a test split the search split stands in for it."""
    split = final_split(config)
    controls = tuple(
        (name, _measured(state, f"final-control-{number}", split).bits_per_byte)
        for number, (name, _) in enumerate(trained_controls(state))
    )
    return FinalMeasures(
        test=_measured(state, "final-winner", "test") if config.data.has_test else None,
        search=_measured(state, "final-winner", "search"),
        untrained=_measured(state, "final-untrained", split),
        order2_bits_per_byte=_order2(state),
        controls=controls,
    )


def trained_controls(state: RunState) -> list[tuple[str, Dormant]]:
    """The baselines that have a model."""
    return [(one.name, one.best) for one in state.controls if one.best is not None]


def winner_of(state: RunState) -> Dormant:
    """The model that the run hands over."""
    assert state.winner is not None
    return state.winner


def _measured(state: RunState, task_id: str, split: Split) -> Evaluation:
    result = result_of(state, task_id)
    assert isinstance(result, EvaluationResult), f"{task_id} has no result"
    evaluation = evaluation_of(result.evaluations, split)
    if evaluation is None:
        raise RuntimeError(f"{task_id} could not be measured: {result.error}")
    return evaluation


def _order2(state: RunState) -> float:
    result = result_of(state, "final-order2")
    assert isinstance(result, BaselineResult), "final-order2 has no result"
    if result.bits_per_byte is None:
        raise RuntimeError(f"the order-2 baseline could not be measured: {result.error}")
    return result.bits_per_byte
