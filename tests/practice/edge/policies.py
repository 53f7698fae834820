"""CloudFront's managed policies, as far as they are played. Source: CloudFront guide, managed cache policies."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CachePolicy:
    """Times in seconds; `encodings`: the cache key and the origin see a normalised Accept-Encoding."""

    name: str
    minimum: int
    default: int
    maximum: int
    encodings: bool


CACHE_POLICIES = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": CachePolicy("CachingOptimized", 1, 86400, 31536000, True),
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": CachePolicy("CachingOptimizedForUncompressedObjects", 1, 86400, 31536000, False),
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": CachePolicy("CachingDisabled", 0, 0, 0, False),
}

ORIGIN_REQUEST_POLICIES = {
    "b689b0a8-53d0-40ab-baf2-68738e2966ac": "AllViewerExceptHostHeader",
    "216adef6-5c7f-47e4-b989-5492eafa07d3": "AllViewer",
    "59781a5b-3903-41f3-afcb-af62929ccde1": "CORS-CustomOrigin",
    "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": "CORS-S3Origin",
    "acba4595-bd28-49b8-b9fe-13317c0390fa": "UserAgentRefererHeaders",
}
