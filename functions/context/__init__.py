"""The Lambda of stage 3: observe."""
