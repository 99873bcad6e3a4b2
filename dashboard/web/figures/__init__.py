"""Figures as data: Plotly descriptions and SVG drawings. Pure functions of what stores say."""
