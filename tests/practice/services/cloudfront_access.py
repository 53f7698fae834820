"""CloudFront's origin access controls."""

from .. import ids
from ..wire.errors import AwsError


class AccessControl:
    """One origin access control."""

    def __init__(self, config):
        self.id, self.etag, self.config = ids.cloudfront(), ids.cloudfront(), config


class AccessControls:
    """Mixed into `CloudFront`."""

    def _control(self, ident):
        if ident not in self.controls:
            raise AwsError("NoSuchOriginAccessControl", "The specified origin access control does not exist.", 404)
        return self.controls[ident]

    def _unique_control(self, config, but=None):
        for each in self.controls.values():
            if each is not but and each.config["Name"] == config["Name"]:
                raise AwsError(
                    "OriginAccessControlAlreadyExists", "An origin access control with the same name already exists.", 409
                )

    def CreateOriginAccessControl(self, call, p):
        config = _checked(p["OriginAccessControlConfig"])
        self._unique_control(config)
        if len(self.controls) >= 100:
            raise AwsError("TooManyOriginAccessControls", "The number of origin access controls exceeds the limit.", 400)
        made = AccessControl(config)
        self.controls[made.id] = made
        return {**_shown(made), "Location": f"https://cloudfront.amazonaws.com/2020-05-31/origin-access-control/{made.id}"}

    def GetOriginAccessControl(self, call, p):
        return _shown(self._control(p["Id"]))

    def GetOriginAccessControlConfig(self, call, p):
        found = self._control(p["Id"])
        return {"OriginAccessControlConfig": found.config, "ETag": found.etag}

    def UpdateOriginAccessControl(self, call, p):
        from .cloudfront import check_match

        found = self._control(p["Id"])
        check_match(p.get("IfMatch"), found.etag)
        config = _checked(p["OriginAccessControlConfig"])
        self._unique_control(config, found)
        found.config, found.etag = config, ids.cloudfront()
        return _shown(found)

    def DeleteOriginAccessControl(self, call, p):
        from .cloudfront import check_match

        found = self._control(p["Id"])
        check_match(p.get("IfMatch"), found.etag)
        for each in self.distributions.values():
            if any(o.get("OriginAccessControlId") == found.id for o in each.config["Origins"]["Items"]):
                raise AwsError(
                    "OriginAccessControlInUse",
                    "Cannot delete the origin access control because it's in use by one or more distributions.", 409,
                )
        del self.controls[found.id]
        return {}

    def ListOriginAccessControls(self, call, p):
        from .cloudfront import page

        rows = [{"Id": c.id, "Description": "", **c.config} for c in self.controls.values()]
        out, more = page(rows, p)
        return {"OriginAccessControlList": {**out, "Marker": p.get("Marker", ""), "IsTruncated": more}}


def _shown(made):
    return {"OriginAccessControl": {"Id": made.id, "OriginAccessControlConfig": made.config}, "ETag": made.etag}


def _checked(config):
    fine = (
        1 <= len(config.get("Name", "")) <= 64
        and config.get("SigningProtocol") == "sigv4"
        and config.get("SigningBehavior") in ("never", "always", "no-override")
        and config.get("OriginAccessControlOriginType") in ("s3", "mediastore", "mediapackagev2", "lambda")
    )
    if not fine:
        raise AwsError("InvalidArgument", "The origin access control configuration is not valid.", 400)
    return {"Description": "", **config}
