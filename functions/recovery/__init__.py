"""Cases that nothing drives: found every minute and when an execution ends badly, and started anew."""
