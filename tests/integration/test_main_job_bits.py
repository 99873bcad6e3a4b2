"""The main job gives the same bits in every process, on either engine."""

from pathlib import Path

import pytest

from tests.integration.main_job import Job, model_hash, report, symbio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_run_has_challengers(uninterrupted: Path) -> None:
    assert report(uninterrupted)["population"]["evaluated"] > 2


def test_the_same_command_gives_the_same_bits(
    small_job: Job, uninterrupted: Path, tmp_path: Path
) -> None:
    symbio(*small_job.words(tmp_path / "run", "--engine", "inline"))
    assert model_hash(tmp_path / "run") == model_hash(uninterrupted)
    for part in ("winner", "population", "control", "test"):
        assert report(tmp_path / "run")[part] == report(uninterrupted)[part], part


@pytest.mark.ray
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.soak), "3"])
def test_ray_gives_the_bits_of_inline_whatever_the_number_of_workers(
    small_job: Job, uninterrupted: Path, tmp_path: Path, workers: str
) -> None:
    symbio(*small_job.words(tmp_path / "run", "--engine", "ray", "--workers", workers))
    assert model_hash(tmp_path / "run") == model_hash(uninterrupted)
    assert report(tmp_path / "run")["population"] == report(uninterrupted)["population"]
