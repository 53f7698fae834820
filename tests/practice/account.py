"""The account: its services' state, its credentials, and who may do what."""

import threading

from . import ACCOUNT_ID, ids, policy
from .call import Principal
from .calls import Calls
from .clock import Clock
from .faults import Faults
from .services.acm import Acm
from .services.apigateway import ApiGateway
from .services.cloudfront import CloudFront
from .services.cloudtrail import CloudTrail
from .services.cloudwatch import CloudWatch
from .services.events import Events
from .services.ec2 import Ec2
from .services.functions import Lambda
from .services.kvs import KeyValueStores
from .services.rds import Rds
from .services.rdsdata import DataApi
from .services.route53 import Route53
from .services.s3 import S3
from .services.wafv2 import Waf
from .services.scheduler import Scheduler
from .services.secrets import SecretsManager
from .services.sns import Sns
from .services.ssm import Ssm
from .services.tagging import Tagging
from .wire.errors import AwsError

USER, SECRET = "practice", "practice"
"""The one access key that the account knows, and its secret."""

# How a service says that it does not know an access key. Source: each service's common errors.
_UNKNOWN_KEY = {
    "s3": ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    "sts": ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    "iam": ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    "cloudfront": ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    "ec2": ("AuthFailure", 401, "AWS was not able to validate the provided access credentials"),
    "route53": ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
}
_UNKNOWN_JSON_KEY = ("UnrecognizedClientException", None, "The security token included in the request is invalid.")


class Account:
    """Everything that a reset forgets, and what it does not: pace, stand-ins, the edge's address."""

    def __init__(self, pace, standins):
        self.id, self.pace, self.standins = ACCOUNT_ID, pace, standins
        self.user_arn = f"arn:aws:iam::{ACCOUNT_ID}:user/{USER}"
        self.calls, self.faults = Calls(), Faults()
        self.endpoint = ""
        self.edge = self.database = None
        self.lock = threading.Lock()
        self._empty()

    def _empty(self):
        self.sessions, self.clock = {}, Clock()
        self.s3 = S3(self)
        self.stores = KeyValueStores(self)
        self.cloudfront = CloudFront(self)
        self.ec2 = Ec2(self)
        self.functions = Lambda(self)
        self.apis = ApiGateway(self)
        self.route53 = Route53(self)
        self.acm = Acm(self)
        self.waf = Waf(self)
        self.watch = CloudWatch(self)
        self.topics = Sns(self)
        self.events = Events(self)
        self.scheduler = Scheduler(self)
        self.secrets = SecretsManager(self)
        self.trails = CloudTrail(self)
        self.systems = Ssm(self)
        self.rds = Rds(self)
        self.data_api = DataApi(self)
        self.tagging = Tagging(self)
        self.played = {
            "s3": self.s3,
            "cloudfront": self.cloudfront,
            "cloudfront-keyvaluestore": self.stores,
            "ec2": self.ec2,
            "lambda": self.functions,
            "apigatewayv2": self.apis,
            "route53": self.route53,
            "acm": self.acm,
            "wafv2": self.waf,
            "cloudwatch": self.watch,
            "sns": self.topics,
            "events": self.events,
            "scheduler": self.scheduler,
            "secretsmanager": self.secrets,
            "cloudtrail": self.trails,
            "ssm": self.systems,
            "rds": self.rds,
            "rds-data": self.data_api,
            "resourcegroupstaggingapi": self.tagging,
        }

    async def reset(self):
        """An empty account: no resource, no fault, no record. Running functions end."""
        if self.edge is not None:
            await self.edge.reset()
        if self.database is not None:
            await self.database.reset()
        self._empty()
        self.calls.clear()
        self.faults.clear()
        await self.standins.reset()

    def session(self, role):
        """Credentials of a session of a role, for a running function: `(key, secret, token)`."""
        key, secret = ids.access_key("ASIA")
        token = ids.unique()
        self.sessions[key] = (secret, token, role)
        return key, secret, token

    def principal(self, signature, service):
        """The caller and the secret that must have signed; AwsError when the key is not known."""
        if signature.key == USER:
            return Principal("user", self.user_arn), SECRET
        found = self.sessions.get(signature.key)
        if found and found[1] == signature.token:
            arn = f"arn:aws:sts::{self.id}:assumed-role/{found[2]}/{found[2]}"
            return Principal("role", arn, found[2]), found[0]
        code, status, message = _UNKNOWN_KEY.get(service.name, _UNKNOWN_JSON_KEY)
        if status is None:
            status = 403 if service.protocol.startswith("rest") else 400
        raise AwsError(code, message, status)

    def role(self, name):
        """A role as the stand-in holds it, or None."""
        return self.standins.role(name)

    def role_allows(self, role, action, resource, context=None):
        """Whether a role's inline policies let it do that: "Deny", "Allow" or None."""
        verdict = None
        for document in self.standins.role_policies(role):
            found = policy.decide(document, None, action, resource, context or {})
            if found == "Deny":
                return "Deny"
            verdict = verdict or found
        return verdict
