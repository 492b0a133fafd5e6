"""Runs Python Lambda functions as subprocesses under AWS's own runtime interface client."""
