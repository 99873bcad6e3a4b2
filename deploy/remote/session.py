"""Working on a far machine: everything that the commands ask of it, in one object.

On the far side everything is in one folder of the user's home, `symbio`:
`code/`, `venv/`, `data/`, `runs/NAME/`, `files/` (configurations that were sent) and `job/` (what
is to be done there, and how it goes). Commands are started in that folder, so a command names
`data/historic.txt` and `--run-dir runs/NAME`.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from deploy.remote import supervisor
from deploy.remote.code import files_of_code, lock_hash
from deploy.remote.connection import USUAL, Address, Connection, FarCommandFailed, Timing
from deploy.remote.far_files import Sent, files_here, listing, put
from deploy.remote.far_program import PYTHON3, FarProgram
from deploy.remote.install import PYTHON, install, write_wrapper
from deploy.remote.job import new_job
from deploy.remote.output import follow_output
from deploy.remote.run_files import fetch_run, push_run, require_name
from deploy.remote.small_files import write_file, write_secrets
from deploy.remote.status import RemoteStatus
from state.run_folder import RunFolder

HOME = "symbio"
JOB = "job"
MAKE_JOB = f"""
umask 077
mkdir -p {JOB} runs
[ ! -e {JOB}/{supervisor.OUTPUT} ] || mv {JOB}/{supervisor.OUTPUT} {JOB}/{supervisor.OUTPUT}.1
"""
SILENCE = supervisor.COMMIT_SECONDS + supervisor.START_SECONDS + 30.0


class Pushed(NamedTuple):
    """What was sent, by its path below `symbio` there, and how much of it was new."""

    data: str | None
    """As `--data` takes it there."""
    run: str | None
    """As `--run-dir` or `--resume` takes it there."""
    num_files: int
    num_bytes: int


class Session:
    """A connection to a far machine, made again whenever it breaks.

    Every method raises ValueError for what a user can put right (a host key that is not known, a
    key that is refused, a run that somebody works on, a full disk), ConnectionError where nobody
    answers for too long, and RuntimeError for what should not happen. All in one line.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        key_path: Path,
        known_hosts_path: Path,
        *,
        home: str = HOME,
        python: str | None = None,
        told: Callable[[str], None] = lambda _: None,
        timing: Timing = USUAL,
    ) -> None:
        """`home` may be an absolute path. `python` is an interpreter there that has everything:
        then nothing is installed. `told` hears a line about what takes long.

        Raises:
            ValueError: the key or the known hosts cannot be used.
        """
        self.address = Address(host, port, user, key_path, known_hosts_path)
        self._connection = Connection(self.address, timing, told)
        self._far = FarProgram(self._connection, home)
        self._python, self._told = python, told
        self._sent_supervisor = False

    def __enter__(self) -> Self:
        """
        Raises:
            ValueError: who answers is not known, or does not take the key.
            ConnectionError: nobody answers.
        """
        try:
            self._connection.steadily(self._connection.sftp)
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The job goes on."""
        self._connection.close()

    def push(self, code_root: Path, data_path: Path | None, run_folder: Path | None) -> Pushed:
        """Send code, data and a run, as far as they are not there, and install what is missing.

        `code_root` is a checkout, or the folder that the installed packages are in.
        """
        if self.status().works:
            raise ValueError(f"{self.address} works on a run; wait for its end, or kill it there")
        code = files_of_code(code_root)
        names = {one.path for one in code}
        there = listing(self._far, "code")
        gone = [path for path in there.files if path not in names and "__pycache__" not in path]
        sent = [put(self._far, "code", code, there, told=self._told, after=gone)]
        data = run = None
        if data_path is not None:
            data = f"data/{require_name(data_path.resolve().name)}"
            sent.append(self._put(data_path, data))
        if run_folder is not None:
            folder = RunFolder.from_argument(run_folder)
            run = f"runs/{folder.root.resolve().name}"
            sent.append(push_run(self._far, folder, self._told))
        self._far.ask("tidy")
        if self._python is None:
            install(self._far, lock_hash(code), self._told)
        write_wrapper(self._far, self._interpreter)
        totals = [sum(numbers) for numbers in zip(*sent, strict=True)]
        return Pushed(data, run, totals[0], totals[1])

    def send_file(self, path: Path) -> str:
        """Send one file, a configuration or prompts; its path as a command names it there."""
        name = f"files/{require_name(path.resolve().name)}"
        self._put(path, name)
        return name

    def start(self, command: list[str], environment: Mapping[str, str]) -> RemoteStatus:
        """Let the supervisor work on `symbio-auto` with these words (without the program's name),
        and return once it does.

        The words name the run by `--run-dir runs/NAME`, or by `--resume runs/NAME`. The
        environment goes as a file of mode 0600.
        """
        job = new_job(command, [self._interpreter, "-P", "-m", "orchestrator.cli"], "code")
        if self.status().works:
            raise ValueError(f"{self.address} works on a run; wait for its end, or kill it there")
        self._run(["sh", "-c", MAKE_JOB])
        write_secrets(self._connection, self._far.at(f"{JOB}/{supervisor.SECRETS}"), environment)
        write_file(self._connection, self._far.at(f"{JOB}/{supervisor.JOB}"), json.dumps(job))
        found = self._supervise("start")
        if found.state == "interrupted":
            raise RuntimeError(f"{self.address}: the supervisor did not start; see job/ there")
        return found

    def revive(self) -> RemoteStatus:
        """After the machine was down: let the job go on where it was; nothing if there is none."""
        return self._supervise("revive")

    def status(self) -> RemoteStatus:
        """How it goes there."""
        return self._supervise("status")

    def kill(self) -> RemoteStatus:
        """End the run after its next commit (the machine stays); by force where none comes."""
        return self._supervise("kill")

    def logs(self, follow: bool) -> Iterator[str]:
        """Lines of the run's output; `follow` goes on until the job has ended."""
        path = self._far.at(f"{JOB}/{supervisor.OUTPUT}")
        return follow_output(self._connection, path, works=lambda: follow and self.status().works)

    def fetch(self, run_name: str, into: Path) -> Path:
        """Bring `runs/NAME` to the folder `into / NAME`, as far as it is not there."""
        found = self.status()
        if found.works and found.run == run_name:
            raise ValueError(
                f"{self.address} works on run {run_name}; wait for its end, or kill it there: it "
                "commits first"
            )
        return fetch_run(self._far, run_name, into, self._told)

    def shell(self) -> int:
        """The user's own ssh, in this terminal, to the same machine; its exit code."""
        address = self.address
        options = {
            "UserKnownHostsFile": str(address.known_hosts_path),
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        place = ["-i", str(address.key_path), "-p", str(address.port)]
        try:
            return subprocess.call(["ssh", *words, *place, f"{address.user}@{address.host}"])
        except FileNotFoundError as error:
            raise ValueError("there is no ssh on this machine; install OpenSSH's client") from error

    @property
    def _interpreter(self) -> str:
        return self._python or PYTHON

    def _put(self, source: Path, root: str) -> Sent:
        """A file, or a folder that is to have nothing else in it."""
        files = files_here(source)
        if not files:
            raise ValueError(f"{source} holds no file to send; give another")
        there, names = listing(self._far, root), {one.path for one in files}
        gone = [path for path in there.files if path not in names]
        return put(self._far, root, files, there, told=self._told, after=gone)

    def _run(self, words: list[str]) -> bytes:
        run, home = self._connection.run, self._far.home
        return self._connection.steadily(lambda: run(words, folder=home, silence=SILENCE))

    def _supervise(self, verb: str) -> RemoteStatus:
        program = Path(supervisor.__file__)
        if not self._sent_supervisor:
            self._connection.steadily(lambda: self._far.send_program(program))
            self._sent_supervisor = True
        try:
            printed = self._run([*PYTHON3, program.name, verb, JOB])
        except FarCommandFailed as error:
            raise RuntimeError(f"{self.address}: {error}") from error
        return RemoteStatus.model_validate_json(printed)
