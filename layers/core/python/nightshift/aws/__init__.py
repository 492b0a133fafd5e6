"""The ports on AWS. Every call goes through `nightshift.aws.client`."""
