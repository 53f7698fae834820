"""What was published, in the words that the edge needs: read from the account's services, never changed here."""

from ..services.cloudfront_functions import stores_of
from ..wire.errors import AwsError
from .policies import CACHE_POLICIES


class Published:
    """Reads the account; reading does not count as asking for a state."""

    def __init__(self, account):
        self.account = account

    def distributions(self):
        """Every distribution, serving from the moment it was made."""
        return list(self.account.cloudfront.distributions.values())

    def live(self, arn):
        """The LIVE stage of a CloudFront function, or None."""
        found = next((f for f in self.account.cloudfront.code.values() if f.arn == arn), None)
        return found.live if found else None

    def store_of(self, stage):
        """`(version, keys)` of the store of a function's stage; None without a store."""
        named = stores_of(stage.config)
        for store in self.account.cloudfront.stores.values():
            if named and store.arn == named[0]:
                return store.etag, store.values
        return None

    def cache_policy(self, behaviour):
        """`((least, usual, most) seconds, whether encodings are in the key)`; None when nothing is kept."""
        identifier = behaviour.get("CachePolicyId")
        if not identifier:
            times = (behaviour.get("MinTTL", 0), behaviour.get("DefaultTTL", 86400), behaviour.get("MaxTTL", 31536000))
            return times, False
        policy = CACHE_POLICIES.get(identifier)
        if policy is None or not policy.maximum:
            return None
        return (policy.minimum, policy.default, policy.maximum), policy.encodings

    def bucket(self, domain):
        """The bucket that an S3 origin's domain name means, or None."""
        return self.account.s3.buckets.get(domain.partition(".s3")[0])

    def api(self, region, api_id):
        """An HTTP API, or None."""
        found = self.account.apis.apis.get(api_id)
        return found if found and found.region == region else None

    def function(self, region, name, qualifier):
        """`(function, version)` that a qualifier means, or None."""
        function = self.account.functions.functions.get((region, name))
        try:
            return (function, self.account.functions.resolve(function, qualifier or "")) if function else None
        except AwsError:
            return None
