"""What a server is started with."""

from pathlib import Path

from pydantic import Field, SecretStr

from state.base import Record

MEBIBYTE = 2**20


class ServerSettings(Record):
    """Settings of one server."""

    database: str | None = None
    """SQLAlchemy URL of the store that runs report to; None: it has none, and takes no reports."""
    runs: tuple[Path, ...] = ()
    """Folders in which runs are looked for."""
    host: str = "127.0.0.1"
    port: int = Field(default=8420, ge=0, le=65535)
    """0 takes one that is free."""
    remote_secret: SecretStr | None = None
    """Bearer secret of those who report; None: nobody may."""
    read_secret: SecretStr | None = None
    """Secret of those who read; None: anybody may who can reach the server."""
    uploads: Path = Path("symbio-server/checkpoints")
    """Where checkpoints are kept that runs have sent."""
    allowed_hosts: tuple[str, ...] = ()
    """Further host names under which requests are answered."""
    max_body_bytes: int = Field(default=16 * MEBIBYTE, ge=1)
    """Of any request as it comes; a part of a checkpoint is one request."""
    max_unpacked_bytes: int = Field(default=128 * MEBIBYTE, ge=1)
    """Of a compressed request once unpacked."""
    max_upload_bytes: int = Field(default=64 * 1024 * MEBIBYTE, ge=1)
    """Of one checkpoint."""
    stale_seconds: float = Field(default=180.0, gt=0)
    """How long an active run may be silent before it is shown as stale."""

    @property
    def takes_reports(self) -> bool:
        """Whether anybody may write."""
        return self.database is not None and self.remote_secret is not None
