"""The practice account: a whole AWS account on one loopback port, for tests and for trying arqsite by hand.

See README.md for what is played here, what is played by moto, and where the truth of both ends.
"""

ACCOUNT_ID = "123456789012"
"""The account's number, the same in every stand-in."""

REGION = "us-east-1"
"""Where the account's own examples live; calls name their region in their signature."""
