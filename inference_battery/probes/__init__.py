"""One property of sampled text a file. Higher is better and people score about 1.

A probe gives every sample a score in [0, 1] and a weight; a sample that is none of its business has
weight 0. Its value is the weighted mean.
"""
