"""The command line: what the HTTP API says, for people and for scripts."""
