"""Composition: one module per function puts the ports' AWS answers together."""
