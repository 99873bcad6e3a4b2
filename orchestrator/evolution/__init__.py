"""How a lineage changes: drawing challengers, telling gain from noise, synchrony. All pure."""
