"""Distribution configurations: what CloudFront refuses of one, and what it adds to one before it gives it back.

Source: CloudFront API reference, DistributionConfig; the defaults as `get-distribution-config` shows them.
"""

import re

from ..edge.policies import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES
from ..wire.errors import AwsError
from .cloudfront_functions import check_quantities

_METHODS = ["HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH"]
"""The order in which CloudFront gives methods back."""


def _refuse(code, text, status=None):
    raise AwsError(code, text, status)


def behaviors(config):
    """Every behaviour of a configuration, the default one last."""
    others = (config.get("CacheBehaviors") or {}).get("Items") or []
    return [*others, config["DefaultCacheBehavior"]]


def associations(behavior):
    """`(event type, function ARN)` pairs of a behaviour."""
    items = (behavior.get("FunctionAssociations") or {}).get("Items") or []
    return [(each["EventType"], each["FunctionARN"]) for each in items]


def check(config, cloudfront):
    """AwsError when CloudFront would not take the configuration."""
    for name in ("CallerReference", "Origins", "DefaultCacheBehavior", "Comment", "Enabled"):
        if name not in config:
            _refuse("InvalidArgument", f"The parameter {name} is required.", 400)
    check_quantities(config)
    if len(config["Comment"]) > 128:
        _refuse("InvalidArgument", "The parameter Comment is too long.", 400)
    origins = config["Origins"].get("Items") or []
    if not origins:
        _refuse("InvalidArgument", "The distribution must have an origin.", 400)
    names = [o["Id"] for o in origins]
    if len(set(names)) != len(names):
        _refuse("InvalidArgument", "The parameter Origin Id must be unique.", 400)
    for origin in origins:
        _check_origin(origin, cloudfront)
    for behavior in behaviors(config):
        _check_behavior(behavior, names, cloudfront)
    paths = [b.get("PathPattern") for b in (config.get("CacheBehaviors") or {}).get("Items") or []]
    if len(set(paths)) != len(paths):
        _refuse("InvalidArgument", "The parameter PathPattern must be unique.", 400)
    root = config.get("DefaultRootObject") or ""
    if root.startswith("/") or len(root) > 255:
        _refuse("InvalidDefaultRootObject", "The default root object file name is too big or contains an invalid character.", 400)
    if (config.get("HttpVersion") or "http2").lower() not in ("http1.1", "http2", "http3", "http2and3"):
        _refuse("InvalidArgument", "The parameter HttpVersion is not valid.", 400)
    if (config.get("PriceClass") or "PriceClass_All") not in ("PriceClass_100", "PriceClass_200", "PriceClass_All", "None"):
        _refuse("InvalidArgument", "The parameter PriceClass is not valid.", 400)


def _check_origin(origin, cloudfront):
    s3, custom = origin.get("S3OriginConfig"), origin.get("CustomOriginConfig")
    if (s3 is None) == (custom is None):
        _refuse("InvalidOrigin", "An origin needs exactly one of S3OriginConfig and CustomOriginConfig.", 400)
    domain = origin.get("DomainName", "")
    if not re.fullmatch(r"[a-zA-Z0-9.-]{1,255}", domain) or "." not in domain:
        _refuse("InvalidArgument", "The parameter Origin DomainName does not refer to a valid host name.", 400)
    if s3 is not None and not re.search(r"\.s3([.-][a-z0-9-]+)?\.amazonaws\.com$", domain):
        _refuse("InvalidArgument", "The parameter Origin DomainName does not refer to a valid S3 bucket.", 400)
    control = origin.get("OriginAccessControlId")
    if control:
        if control not in cloudfront.controls:
            _refuse("InvalidOriginAccessControl", "The origin access control is not valid.", 400)
        kind = cloudfront.controls[control].config["OriginAccessControlOriginType"]
        if (kind == "s3") != (s3 is not None):
            _refuse("InvalidDomainNameForOriginAccessControl", "An origin access control is associated with an origin whose domain name is not supported.", 400)
        if s3 and s3.get("OriginAccessIdentity"):
            _refuse("IllegalOriginAccessConfiguration", "An origin cannot contain both an origin access control and an origin access identity.", 400)
    if origin.get("OriginPath") and not re.fullmatch(r"/.*[^/]", origin["OriginPath"]):
        _refuse("InvalidArgument", "The parameter OriginPath must begin with a slash and not end with one.", 400)
    headers = (origin.get("CustomHeaders") or {}).get("Items") or []
    if len(headers) > 30:
        _refuse("TooManyOriginCustomHeaders", "Your request contains too many origin custom headers.", 400)
    for each in headers:
        if each["HeaderName"].lower() in _FORBIDDEN or each["HeaderName"].lower().startswith(("x-amz-", "x-edge-")):
            _refuse("InvalidArgument", f"The parameter HeaderName is not valid: {each['HeaderName']}.", 400)
    if custom is not None:
        _check_custom(custom)


# Headers that CloudFront sets itself. Source: CloudFront guide, custom headers that CloudFront can't add.
_FORBIDDEN = {
    "cache-control", "connection", "content-length", "cookie", "host", "if-match", "if-modified-since", "if-none-match",
    "if-range", "if-unmodified-since", "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "range", "request-range", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-real-ip",
}


def _check_custom(custom):
    if custom.get("OriginProtocolPolicy") not in ("http-only", "match-viewer", "https-only"):
        _refuse("InvalidArgument", "The parameter OriginProtocolPolicy is not valid.", 400)
    if not 1 <= custom.get("OriginReadTimeout", 30) <= 120:
        _refuse("InvalidOriginReadTimeout", "The read timeout specified for the origin is not valid.", 400)
    if not 1 <= custom.get("OriginKeepaliveTimeout", 5) <= 120:
        _refuse("InvalidOriginKeepaliveTimeout", "The keep alive timeout specified for the origin is not valid.", 400)
    protocols = (custom.get("OriginSslProtocols") or {}).get("Items") or []
    if any(each not in ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2") for each in protocols):
        _refuse("InvalidProtocolSettings", "The parameters that you specified do not match the supported values.", 400)


def _check_behavior(behavior, origins, cloudfront):
    if behavior.get("TargetOriginId") not in origins:
        _refuse("NoSuchOrigin", "One or more of your origins or origin groups do not exist.", 404)
    if behavior.get("ViewerProtocolPolicy") not in ("allow-all", "https-only", "redirect-to-https"):
        _refuse("InvalidArgument", "The parameter ViewerProtocolPolicy is not valid.", 400)
    if not behavior.get("CachePolicyId") and not behavior.get("ForwardedValues"):
        _refuse("InvalidArgument", "The parameter ForwardedValues is required.", 400)
    if behavior.get("CachePolicyId") and behavior.get("ForwardedValues"):
        _refuse("InvalidArgument", "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior.", 400)
    if behavior.get("CachePolicyId") and behavior["CachePolicyId"] not in CACHE_POLICIES:
        _refuse("NoSuchCachePolicy", "The cache policy does not exist.", 404)
    if behavior.get("OriginRequestPolicyId") and behavior["OriginRequestPolicyId"] not in ORIGIN_REQUEST_POLICIES:
        _refuse("NoSuchOriginRequestPolicy", "The origin request policy does not exist.", 404)
    if behavior.get("ResponseHeadersPolicyId"):
        _refuse("NoSuchResponseHeadersPolicy", "The response headers policy does not exist.", 404)
    allowed = set((behavior.get("AllowedMethods") or {}).get("Items") or ["GET", "HEAD"])
    if allowed not in ({"GET", "HEAD"}, {"GET", "HEAD", "OPTIONS"}, set(_METHODS)):
        _refuse("InvalidArgument", "The parameter AllowedMethods is not valid.", 400)
    cached = set(((behavior.get("AllowedMethods") or {}).get("CachedMethods") or {}).get("Items") or ["GET", "HEAD"])
    if cached not in ({"GET", "HEAD"}, {"GET", "HEAD", "OPTIONS"}):
        _refuse("InvalidArgument", "The parameter CachedMethods is not valid.", 400)
    _check_functions(behavior, cloudfront)


def _check_functions(behavior, cloudfront):
    seen = set()
    for event, arn in associations(behavior):
        if event not in ("viewer-request", "viewer-response") or event in seen:
            _refuse("InvalidFunctionAssociation", "A CloudFront function association is invalid.", 400)
        seen.add(event)
        found = next((f for f in cloudfront.code.values() if f.arn == arn), None)
        if found is None or found.live is None:
            _refuse("InvalidFunctionAssociation", f"The function ARN is not in the LIVE stage: {arn}", 400)


def complete(config):
    """The configuration as CloudFront gives it back: every default written out, methods in its own order."""
    for name, value in (
        ("Aliases", {"Quantity": 0}),
        ("DefaultRootObject", ""),
        ("OriginGroups", {"Quantity": 0}),
        ("CacheBehaviors", {"Quantity": 0}),
        ("CustomErrorResponses", {"Quantity": 0}),
        ("Logging", {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""}),
        ("PriceClass", "PriceClass_All"),
        ("Restrictions", {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}}),
        ("WebACLId", ""),
        ("HttpVersion", "http2"),
        ("IsIPV6Enabled", True),
        ("ContinuousDeploymentPolicyId", ""),
        ("Staging", False),
    ):
        config.setdefault(name, value)
    config["HttpVersion"] = config["HttpVersion"].lower()
    _complete_certificate(config)
    for origin in config["Origins"]["Items"]:
        _complete_origin(origin)
    for behavior in behaviors(config):
        _complete_behavior(behavior)
    return config


def _complete_certificate(config):
    certificate = config.setdefault("ViewerCertificate", {"CloudFrontDefaultCertificate": True})
    if certificate.get("CloudFrontDefaultCertificate"):
        certificate.update(SSLSupportMethod="vip", MinimumProtocolVersion="TLSv1", CertificateSource="cloudfront")
    else:
        certificate.setdefault("CloudFrontDefaultCertificate", False)
        certificate.setdefault("MinimumProtocolVersion", "TLSv1")
        arn = certificate.get("ACMCertificateArn")
        if arn:
            certificate.update(Certificate=arn, CertificateSource="acm")


def _complete_origin(origin):
    origin.setdefault("OriginPath", "")
    origin.setdefault("CustomHeaders", {"Quantity": 0})
    origin.setdefault("ConnectionAttempts", 3)
    origin.setdefault("ConnectionTimeout", 10)
    origin.setdefault("OriginShield", {"Enabled": False})
    origin.setdefault("OriginAccessControlId", "")
    if origin.get("S3OriginConfig") is not None:
        origin["S3OriginConfig"].setdefault("OriginAccessIdentity", "")
        origin["S3OriginConfig"].setdefault("OriginReadTimeout", 30)
    custom = origin.get("CustomOriginConfig")
    if custom is not None:
        custom.setdefault("OriginSslProtocols", {"Quantity": 3, "Items": ["TLSv1", "TLSv1.1", "TLSv1.2"]})
        custom.setdefault("OriginReadTimeout", 30)
        custom.setdefault("OriginKeepaliveTimeout", 5)
        custom.setdefault("IpAddressType", "ipv4")


def _complete_behavior(behavior):
    allowed = behavior.setdefault("AllowedMethods", {"Quantity": 2, "Items": ["HEAD", "GET"]})
    cached = allowed.setdefault("CachedMethods", {"Quantity": 2, "Items": ["HEAD", "GET"]})
    for methods in (allowed, cached):
        methods["Items"] = sorted(methods["Items"], key=_METHODS.index)
    for name, value in (
        ("TrustedSigners", {"Enabled": False, "Quantity": 0}),
        ("TrustedKeyGroups", {"Enabled": False, "Quantity": 0}),
        ("SmoothStreaming", False),
        ("Compress", False),
        ("LambdaFunctionAssociations", {"Quantity": 0}),
        ("FunctionAssociations", {"Quantity": 0}),
        ("FieldLevelEncryptionId", ""),
        ("GrpcConfig", {"Enabled": False}),
    ):
        behavior.setdefault(name, value)
