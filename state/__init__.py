"""What happened: the records of a run, its folder, its commit record and its stores.

Depends on the standard library, pydantic and SQLAlchemy only. Every other package imports from
here and none is imported here.
"""
