"""A far side that is a script: what it answers, and what was asked of it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from pydantic import JsonValue

from deploy.remote.session import Pushed
from deploy.remote.status import JobState, RemoteStatus


def status(state: JobState, spent: int = 0, reason: str | None = None) -> RemoteStatus:
    """Of a run of 1,000 steps."""
    summary: dict[str, JsonValue] = {"phase": "cambrian", "spent": spent, "budget": 1000}
    summary["best_bits_per_byte"] = 2.5
    return RemoteStatus(state=state, run="first", summary=summary, reason=reason)


class FarFake:
    """`answers` are given one after the other, the last one for ever; an exception is raised, and
    what can be called is called first.
    """

    def __init__(self) -> None:
        self.answers: list[RemoteStatus | Exception | Callable[[], RemoteStatus]] = []
        self.before: list[RemoteStatus] = [RemoteStatus(state="idle")]
        """What it says until a job is started."""
        self.asked: list[str] = []
        self.addresses: list[tuple[str, int, str]] = []
        self.words: list[str] = []
        self.environment: dict[str, str] = {}
        self.sent: dict[str, bytes] = {}
        self.pushed: list[tuple[Path | None, Path | None]] = []
        self.known_hosts = ""

    def session(
        self, host: str, port: int, user: str, key: Path, known: Path, **_: object
    ) -> "FarSession":
        """In place of a connection."""
        assert key.stat().st_mode & 0o077 == 0
        assert known.stat().st_mode & 0o777 == 0o600
        self.known_hosts = known.read_text(encoding="utf-8")
        self.addresses.append((host, port, user))
        return FarSession(self)

    def next(self) -> RemoteStatus:
        """The next answer."""
        if not self.words:
            return self.before[-1]
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found() if callable(found) else found


class FarSession:
    """What the commands see of it."""

    def __init__(self, fake: FarFake) -> None:
        self._fake = fake

    def __enter__(self) -> "FarSession":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._fake.asked.append("close")

    def push(self, code_root: Path, data_path: Path | None, run_folder: Path | None) -> Pushed:
        assert (code_root / "deploy" / "cloud").is_dir()
        self._fake.pushed.append((data_path, run_folder))
        data = f"data/{data_path.name}" if data_path else None
        return Pushed(data, f"runs/{run_folder.name}" if run_folder else None, 1, 1)

    def send_file(self, path: Path) -> str:
        self._fake.sent[path.name] = path.read_bytes()
        return f"files/{path.name}"

    def start(self, command: list[str], environment: Mapping[str, str]) -> RemoteStatus:
        self._fake.words, self._fake.environment = command, dict(environment)
        return RemoteStatus(state="running")

    def revive(self) -> RemoteStatus:
        self._fake.asked.append("revive")
        return RemoteStatus(state="running")

    def status(self) -> RemoteStatus:
        return self._fake.next()

    def kill(self) -> RemoteStatus:
        self._fake.asked.append("kill")
        return status("killed", reason="it was asked to end")

    def logs(self, follow: bool) -> Iterator[str]:
        yield from ("one\n", "two\n") if not follow else ("one\n", "two\n", "three\n")

    def fetch(self, run_name: str, into: Path) -> Path:
        found = into / run_name
        found.mkdir(parents=True, exist_ok=True)
        (found / "report.md").write_text("# it learnt\n", encoding="utf-8")
        self._fake.asked.append(f"fetch {run_name}")
        return found

    def shell(self) -> int:
        return 7
