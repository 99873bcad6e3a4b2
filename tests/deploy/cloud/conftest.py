"""A Compute API on this machine, a far side that is a script, and an hour that takes no time."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials

from deploy.cloud import compute, renting, watch
from deploy.cloud.compute import Compute
from orchestrator.commands.gcp import place, watching
from tests.deploy.cloud.far_fake import FarFake
from tests.deploy.fake_compute import PROJECT, ZONE, FakeCompute, serving

TIMING = compute.Timing(first_pause=0.01, longest_pause=0.02, patience=0.3, operation=5.0)
PAUSES = renting.Pauses(poll=0.01, ready=5.0, first=0.01, tries=3)
RHYTHM = watch.Rhythm(poll=0.01, silence=0.2, no_capacity=0.01, longest=0.02, wait=0.1)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeCompute]:
    """Google, for every command; records go to a folder of the test."""
    fake = FakeCompute()
    with serving(fake) as address:
        for name in ("CLOUDSDK_CORE_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SYMBIO_COMPUTE_ENDPOINT", address)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(place, "Compute", partial(Compute, timing=TIMING))
        monkeypatch.setattr(place, "Renting", partial(renting.Renting, pauses=PAUSES))
        monkeypatch.setattr(watching, "Watch", partial(watch.Watch, rhythm=RHYTHM))
        yield fake


@pytest.fixture
def api(cloud: FakeCompute) -> Iterator[Compute]:
    """A client of it, as the commands make it."""
    with serving(cloud) as address:
        yield Compute(
            PROJECT,
            ZONE,
            AnonymousCredentials(),  # type: ignore[no-untyped-call]
            endpoint=address,
            timing=TIMING,
        )


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> FarFake:
    """What answers by SSH."""
    fake = FarFake()
    monkeypatch.setattr("deploy.remote.session.Session", fake.session)
    return fake


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Something to train on."""
    path = tmp_path / "book.txt"
    path.write_text("A sentence of some words.\n" * 400, encoding="utf-8")
    return path
