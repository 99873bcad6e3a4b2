"""Every tracker shows what it is given, and refuses in one line where its package is missing."""

import subprocess
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import JsonValue

from dashboard.trackers.choice import NAMES, chosen, wandb_mode
from dashboard.trackers.protocol import Tracker
from dashboard.trackers.tensorboard import TensorBoard
from dashboard.trackers.trackio import Trackio
from dashboard.trackers.wandb import WeightsAndBiases
from tests.tracker_fakes import (
    FakePackage,
    FakeRun,
    Points,
    event_file_points,
    event_file_texts,
    fake_points,
    fake_texts,
)


class Kind(NamedTuple):
    """How a tracker is made, and what it shows."""

    make: Callable[[], Tracker]
    points: Callable[[], Points]
    texts: Callable[[], dict[str, JsonValue]]


@pytest.fixture(params=["tensorboard", "trackio", "wandb"])
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kind:
    folder, package = tmp_path / "tracked", FakePackage(request.param)
    if request.param == "tensorboard":
        return Kind(
            lambda: TensorBoard(folder),
            lambda: event_file_points(folder),
            lambda: event_file_texts(folder),
        )
    monkeypatch.setitem(sys.modules, request.param, package)
    make: Callable[[], Tracker] = lambda: Trackio(project="p")  # noqa: E731
    if request.param == "wandb":
        make = lambda: WeightsAndBiases(folder, project="p")  # noqa: E731
    return Kind(make, lambda: fake_points(package), lambda: fake_texts(package))


def test_a_tracker_shows_the_points_that_it_is_given(kind: Kind) -> None:
    tracker = kind.make()
    tracker.start("r1", {})
    tracker.log(1, {"l0/loss": 3.5, "l0/lr": 0.25})
    tracker.log(2, {"l0/loss": 3.0})
    tracker.log(1, {"l1/loss": 4.0})
    tracker.close()
    assert kind.points() == {
        "l0/loss": [(1, 3.5), (2, 3.0)],
        "l0/lr": [(1, 0.25)],
        "l1/loss": [(1, 4.0)],
    }


def test_a_tracker_shows_configuration_and_events(kind: Kind) -> None:
    tracker = kind.make()
    tracker.start("r1", {"budget": 2000, "model": {"dim": 64}})
    tracker.log(7, {"loss": 2.0})
    tracker.event("gate", {"verdict": "pass", "bits_per_byte": 2.5, "reason": None})
    tracker.close()
    texts = kind.texts()
    assert texts["event/gate"] == {"verdict": "pass", "bits_per_byte": 2.5, "reason": None}
    run = texts["run"]
    assert isinstance(run, dict)
    assert run["config"] == {"budget": 2000, "model": {"dim": 64}}


def test_a_run_that_is_resumed_goes_on_in_the_same_place(kind: Kind) -> None:
    for step in (1, 2):
        tracker = kind.make()
        tracker.start("r1", {})
        tracker.log(step, {"loss": 1.0 / step})
        tracker.close()
    assert kind.points() == {"loss": [(1, 1.0), (2, 0.5)]}


def test_points_are_there_before_the_tracker_is_closed(kind: Kind) -> None:
    """A run that is killed closes nothing."""
    tracker = kind.make()
    tracker.start("r1", {})
    tracker.log(3, {"loss": 0.5})
    assert kind.points() == {"loss": [(3, 0.5)]}
    tracker.close()


def test_closing_is_harmless_at_any_time(kind: Kind) -> None:
    never_started, closed = kind.make(), kind.make()
    never_started.close()
    closed.start("r1", {})
    closed.close()
    closed.close()
    assert kind.points() == {}


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_a_missing_package_is_refused_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    makers: dict[str, Callable[[], Tracker]] = {
        "tensorboard": lambda: TensorBoard(tmp_path),
        "trackio": lambda: Trackio(project="p"),
        "wandb": lambda: WeightsAndBiases(tmp_path, project="p"),
    }
    with pytest.raises(ValueError, match=rf"tracker '{name}' needs .*symbio-auto\[{name}\]") as hit:
        makers[name]()
    assert "\n" not in str(hit.value)


def test_trackers_load_their_packages_only_when_they_are_made() -> None:
    modules = [f"dashboard.trackers.{one}" for one in (*NAMES, "follow", "choice")]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert set(modules) <= loaded
    assert not loaded & {"tensorboard", "trackio", "wandb", "torch", "numpy"}


def test_wandb_stays_offline_and_draws_over_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = FakePackage("wandb")
    monkeypatch.setitem(sys.modules, "wandb", package)
    WeightsAndBiases(tmp_path, project="p").start("r1", {})
    assert package.options["mode"] == "offline"
    assert package.options["id"] == "r1"
    assert package.runs["r1"].step_of == {"step": None, "*": "step"}


CURRENT: ContextVar[object] = ContextVar("current run", default=None)


class Remembering(FakePackage):
    """A package that keeps the run as the current one, to end it at exit."""

    def init(self, *, project: str, name: str, config: object, **options: object) -> FakeRun:
        run = super().init(project=project, name=name, config=config, **options)
        CURRENT.set(run)
        return run


def test_trackio_is_left_no_run_to_end_at_exit_on_the_commands_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = Remembering("trackio")
    monkeypatch.setitem(sys.modules, "trackio", package)
    tracker = Trackio(project="p")
    tracker.start("r1", {})
    assert CURRENT.get() is None
    tracker.close()
    assert package.runs["r1"].finished == 1


TAKES_ALL = {"tensorboard": TensorBoard, "trackio": Trackio, "wandb": WeightsAndBiases}


def test_every_name_makes_its_tracker_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("trackio", "wandb"):
        monkeypatch.setitem(sys.modules, name, FakePackage(name))
    made = chosen(NAMES, tmp_path / "runs" / "a", {})
    assert [type(one) for one in made] == [TAKES_ALL[name] for name in NAMES]
    assert chosen((), tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_the_files_of_wandb_lie_beside_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = FakePackage("wandb")
    monkeypatch.setitem(sys.modules, "wandb", package)
    (tracker,) = chosen(("wandb",), tmp_path / "runs" / "a", {})
    tracker.start("r1", {})
    assert package.options["dir"] == str(tmp_path / "runs")
    assert package.options["mode"] == "offline"


@pytest.mark.parametrize(
    ("given", "mode"), [("", "offline"), ("offline", "offline"), (" Online", "online")]
)
def test_wandb_is_offline_unless_its_variable_says_otherwise(given: str, mode: str) -> None:
    assert wandb_mode({}) == "offline"
    assert wandb_mode({"WANDB_MODE": given}) == mode


def test_another_mode_of_wandb_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^WANDB_MODE=disabled: --wandb takes offline or online"):
        wandb_mode({"WANDB_MODE": "disabled"})
