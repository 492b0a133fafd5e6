"""The planner: a playbook (or, later, a model) proposes what to do; nothing here does anything."""
