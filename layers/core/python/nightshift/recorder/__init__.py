"""The recorder: after a run, the case closes, sleeps, goes to a person, or is observed again."""
