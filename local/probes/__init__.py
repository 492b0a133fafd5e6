"""The emulator's contract: documented AWS behaviour, probed at any endpoint (`ENDPOINT=…`)."""
