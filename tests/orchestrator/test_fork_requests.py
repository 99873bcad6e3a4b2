"""What may be asked of a fork: points that a run has, and settings that its past leaves open."""

import re
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.replay.boundaries import find_boundary, parse_point
from orchestrator.replay.change import apply_change, free_steps
from orchestrator.replay.request import change_of
from orchestrator.replay.states import Boundary, Replay
from orchestrator.settings import Settings
from state.commit import load_commit
from tests.builders import ScriptedEngine, ScriptedRun, make_config


def boundary(run: ScriptedRun, at: str) -> Boundary:
    replay = Replay.of(run.folder, load_commit(run.folder).record)
    return find_boundary(replay, parse_point(at)).boundary


def refusal(
    run: ScriptedRun, target: Path, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """The one line that a refused fork prints; it leaves no folder."""
    command = ["fork", str(run.folder.root), "--run-dir", str(target), "--no-run", *arguments]
    assert main(command) == 2
    assert not target.exists()
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("cambrium", "--at cambrium is no phase; did you mean cambrian[?] give one of abio"),
        ("Cambrian 3", "--at 'Cambrian 3' is no PHASE or PHASE:GEN; give one such as"),
        ("cambrian:0", r"cambrian has generations 1 to \d+ in this run; give one of them"),
        ("homeostasis:99", r"homeostasis has generations 1 to \d+ in this run; give one"),
    ],
)
def test_a_point_that_is_not_there_is_refused(
    scripted: ScriptedRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    at: str,
    message: str,
) -> None:
    assert re.search(message, refusal(scripted, tmp_path / "fork", capsys, "--at", at))


def test_a_phase_that_the_run_has_not_come_to_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ScriptedEngine(tmp_path / "run")
    engine.stop_after = 4
    run = ScriptedRun(tmp_path / "run", make_config(budget=100), engine)
    run.play()
    line = refusal(run, tmp_path / "fork", capsys, "--at", "oxidation")
    assert "the run has not come to oxidation; choose an earlier phase" in line


@pytest.mark.parametrize(
    ("at", "setting", "message"),
    [
        ("cambrian", "data.paths=[]", "data.paths = .* cannot change in a fork, the models have"),
        ("cambrian", "data.tokenizer=byte", "have learnt from this text; start a new run with"),
        ("cambrian", "model.dim=32", "model.dim = 32 cannot change in a fork, the weights have"),
        ("cambrian", "model_size=small", "turned into a shape when the run began"),
        ("cambrian", "run_dir=x", "give the new one with --run-dir"),
        ("cambrian", "optimizer.rate=1", "optimizer.rate is no setting; see symbio-auto --help"),
        ("cambrian", "optimizer.lr=-1", "optimizer.lr = -1: input should be greater than 0"),
        ("cambrian", 'optimizer={"muon": false}', "optimizer is a table; give one value of it"),
        ("cambrian", "engine.device=cuda", "no CUDA device is visible"),
        ("cambrian", "optimizer.lr=NaN", "optimizer.lr = nan: input should be a finite number"),
        ("cambrian", "optimizer.lr", "'optimizer.lr' is not of the form k=v; give one such as"),
        (
            "primordial:2",
            "phases.primordial.coupling=9",
            "primordial has begun at this point; fork",
        ),
        ("cambrian", "phases.primordial.coupling=1", "primordial has begun at this point"),
        ("cambrian", "phases.oxidation.share=3", "is no setting of a phase; give phases.NAME"),
        ("cambrian", "phases.oxidation.population=-1", "population = -1: input should be greater"),
        ("oxidation", "budget=100", r"budget = 100: \d+ steps are spent at this point .* or more"),
    ],
)
def test_what_the_past_has_fixed_cannot_be_changed(
    scripted: ScriptedRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    at: str,
    setting: str,
    message: str,
) -> None:
    line = refusal(scripted, tmp_path / "fork", capsys, "--at", at, "--set", setting)
    assert re.search(message, line)


def test_muons_rate_follows_when_the_other_is_changed(scripted: ScriptedRun) -> None:
    here = boundary(scripted, "cambrian")
    change = change_of(here.config, here.state, ["optimizer.lr=0.003"])
    assert change.after == {"optimizer": {"lr": 0.003, "muon_lr": 0.02}}
    assert change.before == {"optimizer": {"lr": 0.006, "muon_lr": 0.04}}


def test_a_budget_goes_to_the_phases_that_are_left_as_they_shared_it(
    scripted: ScriptedRun,
) -> None:
    here = boundary(scripted, "cambrian")
    free = free_steps(here.config, here.state)
    larger: Settings = {"budget": here.config.budget + sum(free.values())}
    config, state = apply_change(here.config, here.state, larger)
    assert free_steps(config, state) == {name: 2 * steps for name, steps in free.items()}
    assert state.ledger.budget == sum(line.allotted for line in state.ledger.lines)
    same = apply_change(here.config, here.state, {"budget": here.config.budget})
    assert same == (here.config, here.state)


def test_a_folder_that_holds_a_run_is_not_written_to(
    scripted: ScriptedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    root, state = scripted.folder.root, scripted.folder.state.read_bytes()
    assert main(["fork", str(root), "--at", "cambrian", "--run-dir", str(root)]) == 2
    assert "already holds a run; choose another --run-dir" in capsys.readouterr().err
    assert scripted.folder.state.read_bytes() == state
