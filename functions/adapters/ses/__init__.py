"""Amazon SES: templated replies by mail."""
