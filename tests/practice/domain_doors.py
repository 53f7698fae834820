"""The doors of a domain: what a registrar, a DNS kept elsewhere and a certificate authority do on AWS's outside."""

from aiohttp import web


def domain_doors(account):
    """`{(method, name): handler}`, for the account's own doors."""

    def door(act):
        async def handle(request, _rest):
            given = await request.json() if request.method == "POST" else {}
            return web.json_response(act(given))

        return handle

    def forget_outside(_given):
        account.route53.outside.clear()
        return []

    # A reset makes the services anew, so they are looked up at every call.
    return {
        ("POST", "delegate"): door(lambda given: account.route53.delegate(given)),
        ("POST", "zone"): door(lambda given: account.route53.foreign(given)),
        ("POST", "dns"): door(lambda given: account.route53.add_outside(given)),
        ("GET", "dns"): door(lambda _: account.route53.outside_shown()),
        ("DELETE", "dns"): door(forget_outside),
        ("POST", "certificate"): door(lambda given: account.acm.fail(given)),
    }
