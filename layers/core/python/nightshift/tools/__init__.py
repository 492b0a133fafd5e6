"""Tools: their contracts, how adapters bind them, and the one door through which effects go."""
