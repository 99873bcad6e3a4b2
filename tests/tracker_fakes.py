"""Trackers whose packages are fakes, and what each of them shows."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

from pydantic import JsonValue

Points = dict[str, list[tuple[int, float]]]
"""Series to (step, value) in the order in which they were logged."""


class FakeRun:
    """A run of W&B or of Trackio, which differ in where the step goes."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, object]]] = []
        self.summary: dict[str, object] = {}
        self.step_of: dict[str, str | None] = {}
        self.finished = 0

    def define_metric(self, name: str, step_metric: str | None = None) -> None:
        self.step_of[name] = step_metric

    def log(self, data: Mapping[str, object], step: int | None = None) -> None:
        values = dict(data)
        given = values.pop("step") if step is None else step
        assert isinstance(given, int)
        self.rows.append((given, values))

    def finish(self) -> None:
        self.finished += 1


class FakePackage(ModuleType):
    """The module `wandb` or `trackio`: a run goes on where its name has been seen before."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.runs: dict[str, FakeRun] = {}
        self.options: dict[str, object] = {}

    def init(self, *, project: str, name: str, config: object, **options: object) -> FakeRun:
        self.options = {"project": project, "config": config, **options}
        return self.runs.setdefault(name, FakeRun())


class Notes:
    """A tracker that remembers its calls, and fails where it is told to."""

    def __init__(self, fails_at: str = "", error: BaseException | None = None) -> None:
        self.calls: list[str] = []
        self.arguments: list[tuple[object, ...]] = []
        self.points: list[tuple[int, dict[str, float]]] = []
        self.fails_at, self.error = fails_at, error or OSError(28, "No space left")

    def _called(self, name: str, *arguments: object) -> None:
        self.calls.append(name)
        self.arguments.append(arguments)
        if name == self.fails_at:
            raise self.error

    def start(self, run_id: str, config: Mapping[str, JsonValue]) -> None:
        self._called("start", run_id, config)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._called("log", step, values)
        self.points.append((step, dict(values)))

    def event(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        self._called("event", kind, data)

    def close(self) -> None:
        self._called("close")


class _Tensor(Protocol):
    string_val: list[bytes]


class _Point(Protocol):
    step: int
    value: float
    tensor_proto: _Tensor


class EventReader(Protocol):
    """What is used of tensorboard's EventAccumulator."""

    def Reload(self) -> object: ...  # noqa: N802
    def Tags(self) -> dict[str, list[str]]: ...  # noqa: N802
    def Scalars(self, tag: str) -> list[_Point]: ...  # noqa: N802
    def Tensors(self, tag: str) -> list[_Point]: ...  # noqa: N802


def event_reader(folder: Path) -> EventReader:
    """All event files of a folder, in the order of their names."""
    module = import_module("tensorboard.backend.event_processing.event_accumulator")
    reader: EventReader = module.EventAccumulator(str(folder), purge_orphaned_data=False)
    reader.Reload()
    return reader


def event_file_points(folder: Path) -> Points:
    """What TensorBoard itself reads; `Reload` takes the files in the order of their names."""
    reader = event_reader(folder)
    return {
        tag: [(point.step, point.value) for point in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    }


def event_file_texts(folder: Path) -> dict[str, JsonValue]:
    """The last text under each tag, unwrapped."""
    reader = event_reader(folder)
    return {
        tag: json.loads(reader.Tensors(tag)[-1].tensor_proto.string_val[0])
        for tag in reader.Tags()["tensors"]
    }


def fake_points(package: FakePackage) -> Points:
    found: Points = {}
    for run in package.runs.values():
        for step, values in run.rows:
            for name, value in values.items():
                if isinstance(value, float):
                    found.setdefault(name, []).append((step, value))
    return found


def fake_texts(package: FakePackage) -> dict[str, JsonValue]:
    found = json.loads(json.dumps({"run": {"config": package.options.get("config")}}))
    for run in package.runs.values():
        found |= run.summary
        for _, values in run.rows:
            found |= {name: json.loads(one) for name, one in values.items() if type(one) is str}
    shown: dict[str, JsonValue] = found
    return shown
