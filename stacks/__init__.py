"""The infrastructure: `app.py` lists the stacks of a stage, `constructs/` holds what they are made of.

Nothing here imports the runtime. The two meet in files: the state machines, each adapter's
`adapter.toml`, the names in `docs/tables.md`.
"""
