"""The edge: what a visitor sees of the account. CloudFront, API Gateway and Lambda, played together.

Nothing here changes the account's configuration; it reads what was published and behaves as it says.
"""
