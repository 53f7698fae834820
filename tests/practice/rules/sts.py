"""STS: who am I."""

from .. import ids


class Sts:
    """Answers GetCallerIdentity itself: moto would say its own user."""

    def before(self, account, call):
        if call.operation != "GetCallerIdentity":
            return None
        unique = "AIDAPRACTICE000000000" if call.principal.kind == "user" else "AROAPRACTICE000000000:session"
        body = (
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
            f"<Arn>{call.principal.arn}</Arn><UserId>{unique}</UserId><Account>{account.id}</Account>"
            f"</GetCallerIdentityResult><ResponseMetadata><RequestId>{ids.request()}</RequestId></ResponseMetadata>"
            "</GetCallerIdentityResponse>"
        )
        return 200, {"content-type": "text/xml"}, body.encode()

    def after(self, account, call, status, headers, body):
        return status, headers, body
