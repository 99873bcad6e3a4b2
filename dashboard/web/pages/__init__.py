"""The pages that a browser shows: HTML from templates, figures as data, parts that change."""

from dashboard.web.pages.router import pages_router

__all__ = ["pages_router"]
