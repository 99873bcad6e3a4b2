"""Event files for `tensorboard --logdir`, written without TensorFlow and without torch."""

import json
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from dashboard.trackers.protocol import required_package

_NUMBERS = count()


class _RecordWriter(Protocol):
    """What is used of tensorboard's class of that name."""

    def write(self, data: bytes) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """One event file for each start, in a folder of its own.

    Records are written as they come, so a run that is killed loses none; numbers are float32.
    """

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            ValueError: the package tensorboard is missing.
        """
        self._folder = folder
        self._events = required_package("tensorboard", "tensorboard.compat.proto.event_pb2")
        self._summaries = required_package("tensorboard", "tensorboard.compat.proto.summary_pb2")
        self._tensors = required_package("tensorboard", "tensorboard.compat.proto.tensor_pb2")
        self._types = required_package("tensorboard", "tensorboard.compat.proto.types_pb2")
        self._text = required_package("tensorboard", "tensorboard.plugins.text.metadata")
        self._records = required_package("tensorboard", "tensorboard.summary.writer.record_writer")
        self._writer: _RecordWriter | None = None
        self._step = 0

    def start(self, run_id: str, config: Mapping[str, JsonValue]) -> None:
        """Open a file that sorts behind those of earlier starts, and show the configuration."""
        self._folder.mkdir(parents=True, exist_ok=True)
        place = f"{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}"
        name = f"events.out.tfevents.{int(_now()):010d}.{place}"
        self._writer = self._records.RecordWriter((self._folder / name).open("xb"))
        self._write(file_version="brain.Event:2")
        self._show("run", {"run_id": run_id, "config": dict(config)})

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One record of scalars."""
        self._step = step
        scalars = [
            self._summaries.Summary.Value(tag=name, simple_value=value)
            for name, value in values.items()
        ]
        self._write(summary=self._summaries.Summary(value=scalars))

    def event(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """A text at the step that was logged last."""
        self._show(f"event/{kind}", data)

    def close(self) -> None:
        """Close the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _show(self, tag: str, data: Mapping[str, JsonValue]) -> None:
        """JSON as Markdown, which the text page renders: four spaces make it code."""
        lines = json.dumps(data, indent=1).splitlines()
        text = "\n".join(f"    {line}" for line in lines)
        shown = self._summaries.Summary.Value(
            tag=tag,
            metadata=self._text.create_summary_metadata(display_name=None, description=None),
            tensor=self._tensors.TensorProto(
                dtype=self._types.DT_STRING, string_val=[text.encode()]
            ),
        )
        self._write(summary=self._summaries.Summary(value=[shown]))

    def _write(self, **content: object) -> None:
        event = self._events.Event(wall_time=_now(), step=self._step, **content)
        assert self._writer is not None
        self._writer.write(event.SerializeToString())
        self._writer.flush()


def _now() -> float:
    return datetime.now(UTC).timestamp()
