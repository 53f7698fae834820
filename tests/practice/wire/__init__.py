"""The wire: botocore's service models turned round, so that a server can read requests and write answers."""
