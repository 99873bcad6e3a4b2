"""The addresses of the pages: whole pages, parts of them that change, and figures as data."""

from collections.abc import Callable
from math import isfinite
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from dashboard.web.figures import (
    battery,
    comparison,
    course,
    cusum,
    instruments,
    population,
    synchrony,
    telemetry,
)
from dashboard.web.figures.curves import Window
from dashboard.web.figures.plot import Figure
from dashboard.web.figures.run_view import RunView
from dashboard.web.pages import contexts
from dashboard.web.pages.assets import asset_routes
from dashboard.web.pages.rendering import Shell, render, warm, whole
from dashboard.web.pages.views import Views, digest
from dashboard.web.pages.wording import in_url
from dashboard.web.sources import Sources, UnknownRun

FigureOf = Callable[[RunView, Window | None], Figure]
FIGURES: dict[str, FigureOf] = {
    "loss": course.loss,
    "cusum": cusum.cusum,
    "measures": instruments.measures,
    "batch": instruments.batch,
    "clipping": telemetry.clipping,
    "speed": telemetry.speed,
    "gradients": telemetry.gradients,
    "population": population.population,
    "operators": population.operators,
    "diversity": population.diversity,
    "order": synchrony.order_parameter,
    "battery": battery.composite,
}
Bound = Annotated[float | None, Query()]
RunIds = Annotated[list[str] | None, Query(max_length=comparison.MOST_RUNS)]


def pages_router(sources: Sources) -> APIRouter:
    """Every page over these runs."""
    router = APIRouter(include_in_schema=False)
    views = Views(sources)
    warm()
    asset_routes(router)
    _list_routes(router, views)
    _run_routes(router, views)
    _figure_routes(router, views)
    _part_routes(router, views)
    _compare_routes(router, views)
    return router


def _list_routes(router: APIRouter, views: Views) -> None:
    @router.get("/")
    def run_list() -> Response:
        shell = Shell("Runs", page="runs", live="/live")
        return whole("runs.html.j2", shell, lambda: contexts.run_list(views))

    @router.get("/parts/runs")
    def rows() -> Response:
        return render("part-runs.html.j2", contexts.run_list(views))


def _run_routes(router: APIRouter, views: Views) -> None:
    @router.get("/runs/{run_id}")
    def overview(run_id: str) -> Response:
        return _page(
            views, run_id, "run.html.j2", lambda: contexts.overview(views, run_id), first="loss"
        )

    @router.get("/runs/{run_id}/evolution")
    def evolution(run_id: str) -> Response:
        return _page(views, run_id, "evolution.html.j2", lambda: contexts.evolution(views, run_id))

    @router.get("/runs/{run_id}/battery")
    def battery_page(run_id: str) -> Response:
        return _page(
            views,
            run_id,
            "battery.html.j2",
            lambda: contexts.battery(views, run_id),
            first="battery",
        )

    @router.get("/runs/{run_id}/samples")
    def samples(
        run_id: str,
        at: Annotated[list[str] | None, Query(max_length=16)] = None,
        temperature: str = "",
        whole: bool = False,
    ) -> Response:
        places, warmth = tuple(at or ()), _number(temperature)

        def make() -> contexts.Context:
            return contexts.samples(views, run_id, places, warmth, whole=whole)

        return _page(views, run_id, "samples.html.j2", make, figures=False)


def _figure_routes(router: APIRouter, views: Views) -> None:
    @router.get("/runs/{run_id}/figures/{name}")
    def figure(
        run_id: str, name: str, request: Request, start: Bound = None, end: Bound = None
    ) -> Response:
        make = FIGURES.get(name)
        if make is None:
            raise HTTPException(404, "no figure has this name")
        window = _window(start, end)
        key = (run_id, name, window)
        tag = views.tag(run_id)

        def made() -> Figure:
            view = views.view(run_id)
            with view.lock:
                return make(view, window)

        return views.answer(request, key, tag, made)


def _part_routes(router: APIRouter, views: Views) -> None:
    @router.get("/runs/{run_id}/parts/member")
    def member(run_id: str, generation: int, member: str) -> Response:
        return render("part-member.html.j2", contexts.member(views, run_id, generation, member))

    @router.get("/runs/{run_id}/parts/generation")
    def generation(run_id: str, generation: int | None = None) -> Response:
        return render("part-generation.html.j2", contexts.generation(views, run_id, generation))

    @router.get("/runs/{run_id}/parts/{name}")
    def part(run_id: str, name: str) -> Response:
        make = contexts.PARTS.get(name)
        if make is None:
            raise HTTPException(404, "no part has this name")
        return render(f"part-{name}.html.j2", make(views, run_id))


def _compare_routes(router: APIRouter, views: Views) -> None:
    @router.get("/compare")
    def compare(run: RunIds = None) -> Response:
        asked = tuple(run or ())
        chosen = contexts.known(views, asked)
        first = contexts.address_of(chosen) if len(chosen) > 1 else None
        shell = Shell("Compare", page="compare", figures=first is not None, first=first)
        return whole("compare.html.j2", shell, lambda: contexts.compare(views, asked))

    @router.get("/compare/figure")
    def overlaid(request: Request, run: RunIds = None) -> Response:
        run_ids = contexts.known(views, tuple(run or ()))

        def made() -> Figure:
            return comparison.overlaid(
                [(views.sources.card(one).name, views.view(one)) for one in run_ids]
            )

        return views.answer(request, ("compare", run_ids), views.tag(*run_ids), made)


def _page(
    views: Views,
    run_id: str,
    template: str,
    make: Callable[[], contexts.Context],
    *,
    first: str = "",
    figures: bool = True,
) -> Response:
    """A page of a run that there is, or one that says that there is none."""
    try:
        card, mark = views.sources.card(run_id), digest(views.sources.news(run_id))
    except UnknownRun:
        return render("missing.html.j2", {"run_id": run_id}, 404)
    name = in_url(run_id)
    shell = Shell(
        card.name,
        figures=figures,
        first=f"/runs/{name}/figures/{first}" if first else None,
        live=f"/live?run={name}",
        mark=mark,
    )

    def made() -> contexts.Context:
        with views.view(run_id).lock:
            return make()

    return whole(template, shell, made)


def _window(start: float | None, end: float | None) -> Window | None:
    """A part of the axis; None where it is none."""
    if start is None or end is None or not isfinite(start) or not isfinite(end):
        return None
    low, high = max(start, 0.0), min(end, 1e12)
    return (low, high) if low < high else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
