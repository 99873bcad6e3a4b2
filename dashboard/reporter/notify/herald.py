"""Hears what a run writes to its log and tells people of it."""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from pydantic import JsonValue

from dashboard.reporter.notify import texts
from dashboard.reporter.notify.channel import Message
from dashboard.reporter.notify.news import News, is_regression
from dashboard.reporter.watch import Ending
from dashboard.terminal.event_lines import plain_line
from state.commit import load_commit
from state.journal import JournalTail
from state.run_folder import RunFolder

Row = Mapping[str, JsonValue]

SAMPLE_SECONDS = 60.0
"""Between two messages with samples."""
START_SECONDS = 10.0
"""A run that begins has its row in the store by then."""
_CONCLUDED = {"generation", "chunk", "trained", "sample", "gate"}


class Sender(Protocol):
    """What is used of a channel."""

    def send(self, message: Message) -> None:
        """Pass a message on."""


class Herald:
    """The messages of one run, from where its log stood when the run began or went on."""

    def __init__(
        self,
        folder: RunFolder,
        channel: Sender,
        *,
        sample_interval: int,
        log_bytes: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sample_interval` is in steps, 0 for no samples; `log_bytes` of the log are known."""
        self._folder, self._channel, self._clock = folder, channel, clock
        self._name = folder.root.absolute().name
        self._log, self._news = JournalTail(folder.log, log_bytes), News(folder)
        self._interval = sample_interval
        self._begun: tuple[Row, float] | None = None
        self._concluded = False
        self._sampled, self._sampled_at = 0, clock() - SAMPLE_SECONDS
        self._finished: Row = {}

    def look(self) -> None:
        """Tell what has happened since the last look.

        Raises:
            ValueError: the store cannot be read; the next look goes on from here.
        """
        for row in self._log.read():
            kind = str(row.get("kind"))
            self._concluded = self._concluded or kind in _CONCLUDED
            self._hear(kind, row)
        if self._begun is not None:
            self._tell_start(*self._begun)
        if self._concluded:
            self._tell_findings()
            self._tell_samples()
            self._concluded = False

    def end(self, ending: Ending) -> None:
        """Tell how the run ended."""
        self._channel.send(self._last_message(ending))

    def close(self) -> None:
        """Close the run's store."""
        self._news.close()

    def _hear(self, kind: str, row: Row) -> None:
        match kind:
            case "started" | "resumed":
                generation = row.get("generation")
                if isinstance(generation, int):
                    self._news.begin_behind(generation - 1)
                self._begun = (row, self._clock())
            case "gate":
                self._tell_gate(row)
            case "finished":
                self._finished = row
            case "phase_slow" | "throughput_collapse":
                self._channel.send(texts.slow(self._name, plain_line(row)))
            case _:
                pass

    def _tell_start(self, row: Row, heard_at: float) -> None:
        try:
            run = self._news.summary()
        except ValueError:
            run = None
        if run is not None or self._clock() - heard_at >= START_SECONDS or self._concluded:
            self._channel.send(texts.started(self._name, row, run))
            self._begun = None

    def _tell_gate(self, row: Row) -> None:
        try:
            samples = self._news.newest_samples(str(row.get("phase")))
        except ValueError:
            samples = []
        self._channel.send(texts.gate(self._name, row, samples))
        self._sampled = samples[0].step if samples else self._sampled

    def _tell_findings(self) -> None:
        findings, decisions = self._news.findings(), self._news.decisions()
        worse = [one for one in decisions if is_regression(one)]
        for decision in worse:
            own = [one for one in findings if one.generation == decision.generation]
            self._channel.send(texts.regressed(self._name, decision, own))
        told = {decision.generation for decision in worse}
        others = [one for one in findings if one.generation not in told]
        if others:
            self._channel.send(texts.watchdog(self._name, others))

    def _tell_samples(self) -> None:
        now = self._clock()
        if not self._interval or now - self._sampled_at < SAMPLE_SECONDS:
            return
        samples = self._news.newest_samples()
        if not samples:
            return
        step = samples[0].step
        if step >= self._sampled + self._interval or step < self._sampled:
            self._channel.send(texts.sampled(self._name, samples))
            self._sampled, self._sampled_at = step, now

    def _last_message(self, ending: Ending) -> Message:
        state = self._folder.state.absolute()
        match ending:
            case "finished":
                report = self._folder.report_markdown.absolute()
                return texts.finished(self._name, self._finished, report)
            case "stopped":
                return texts.stopped(self._name, self._summary(), state)
            case "died":
                return texts.died(self._name, self._summary(), state)

    def _summary(self) -> Row:
        try:
            return load_commit(self._folder, verify_objects=False).record.summary
        except ValueError:
            return {}
