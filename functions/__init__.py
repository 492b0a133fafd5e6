"""The Lambda functions; each folder is one function with one role."""
