"""Steps that write committed files out of their sources; never shipped."""
