"""The pieces of work a run is made of.

Each stage is a module with three pure functions: `open_work(state, config)` plans and reserves,
`pending(state, config)` lists the tasks whose results are missing, `conclude(state, config)` turns
the results into the next state and the records to keep. The controller alone has effects.
"""
