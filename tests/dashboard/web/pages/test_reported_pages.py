"""Pages of a run that was only reported, with steps and nothing else."""

from pathlib import Path

from tests.dashboard.web.clients import asking, make_settings, report, steps


def test_a_run_of_which_only_steps_are_known_has_pages(tmp_path: Path) -> None:
    with asking(make_settings(tmp_path)) as client:
        run = {"type": "runs", "run_id": "r", "rows": [{"symbio": 0, "total_iters": 40}]}
        report(client, {"type": "batch", "messages": [run, steps(*range(1, 21), clip_coef=0.9)]})
        text = client.get("/runs/r").text
        assert "This run has sent no checkpoint." in text
        assert "This run keeps no ledger of its steps." in text
        assert "CUSUM" not in text
        assert "Clipping" in text
        for tab in ("evolution", "battery", "samples"):
            assert "No " in client.get(f"/runs/r/{tab}").text
        (loss,) = client.get("/runs/r/figures/loss").json()["data"]
        assert loss["x"] == list(range(1, 21))
        assert loss["y"][3] == 0.25
        assert "<polyline" in client.get("/parts/runs").text


def test_a_page_follows_what_is_reported(tmp_path: Path) -> None:
    with asking(make_settings(tmp_path)) as client:
        report(client, steps(1, 2, 3))
        first = client.get("/runs/r/figures/loss")
        report(client, steps(4))
        again = client.get("/runs/r/figures/loss", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 200
        assert again.json()["data"][0]["x"] == [1, 2, 3, 4]
