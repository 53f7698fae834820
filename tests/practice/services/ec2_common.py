"""What EC2's operations have in common: checked parameters, ids, tags, filters and pages."""

import re
import secrets
import urllib.parse

from .. import policy
from ..wire import rpc
from ..wire.errors import AwsError

_COMMON = {"Action", "Version"}


def check(call, p):
    """AwsError when a parameter is not known, is missing or has no value that the model knows."""
    shape = call.service.operation(call.operation).input_shape
    form = call.body.decode("utf-8", "replace") or call.raw_query
    for key, _ in urllib.parse.parse_qsl(form, keep_blank_values=True):
        if key not in _COMMON and not key.startswith("X-Amz-") and not _known(shape, key.split(".")):
            raise AwsError("UnknownParameter", f"The parameter {key} is not recognized", 400)
    _structure(shape, p)
    if p.get("DryRun"):
        raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def _known(shape, parts):
    """Whether a key of the form is a parameter: names of members and numbers of list items."""
    if shape.type_name == "structure":
        names = {rpc._key(name, member, True): member for name, member in shape.members.items()}
        return bool(parts) and parts[0] in names and _known(names[parts[0]], parts[1:])
    if shape.type_name == "list":
        return not parts or (parts[0].isdigit() and _known(shape.member, parts[1:]))
    return not parts


def _structure(shape, value):
    for name in shape.required_members:
        if value.get(name) in (None, ""):
            raise missing(name[:1].lower() + name[1:])
    for name, member in shape.members.items():
        if value.get(name) is not None:
            _value(member, value[name], name[:1].lower() + name[1:])


def _value(shape, value, name):
    if shape.type_name == "structure":
        _structure(shape, value)
    elif shape.type_name == "list":
        for each in value:
            _value(shape.member, each, name)
    elif getattr(shape, "enum", None) and value not in shape.enum:
        raise invalid(f"Value ({value}) for parameter {name} is invalid.")


def missing(name):
    """A required parameter is not there."""
    return AwsError("MissingParameter", f"The request must contain the parameter {name}", 400)


def invalid(text):
    """A parameter's value is refused."""
    return AwsError("InvalidParameterValue", text, 400)


def combination(text):
    """Parameters do not go together."""
    return AwsError("InvalidParameterCombination", text, 400)


def not_played(what):
    """What the practice account leaves out."""
    return AwsError("NotPlayed", f"the practice account does not play {what}", 501)


def dependency(text):
    """Something is still in use."""
    return AwsError("DependencyViolation", text, 400)


def new_id(prefix):
    """An id in the long form. Source: EC2 user guide, Resource IDs."""
    return f"{prefix}-0{secrets.token_hex(8)}"


class Thing:
    """Anything with an id and tags. A kind says how AWS calls it:

    `TYPE` in tags, `PREFIX` of ids, `NOUN` in messages, `ABSENT` and `MALFORMED` as codes.
    """

    TYPE = PREFIX = NOUN = ABSENT = ""
    MALFORMED = "InvalidParameterValue"

    def __init__(self, tags=None):
        self.id, self.tags = new_id(self.PREFIX), dict(tags or {})

    def facts(self):
        """Values by the names of filters; a list means any of them."""
        return {}

    def shown_tags(self):
        """The tags as answers show them: without any, the member is left out."""
        return [{"Key": k, "Value": v} for k, v in self.tags.items()] or None

    @property
    def label(self):
        """The tag `Name`, for the snapshot's order."""
        return self.tags.get("Name", "")

    @classmethod
    def absent(cls, ident):
        """The refusal of an id that there is not."""
        return AwsError(cls.ABSENT, f"The {cls.NOUN} '{ident}' does not exist", 400)


def get(things, kind, ident):
    """One thing by its id; AwsError when the id has no such form, or there is none."""
    if not re.fullmatch(kind.PREFIX + r"-([0-9a-f]{8}|[0-9a-f]{17})", ident or ""):
        raise AwsError(kind.MALFORMED, f'Invalid id: "{ident}" (expecting "{kind.PREFIX}-...")', 400)
    if ident not in things:
        raise kind.absent(ident)
    return things[ident]


def choose(things, kind, p, ids=None, filters="Filters"):
    """The things that a Describe call means, by their ids and by filters."""
    found = [get(things, kind, ident) for ident in dict.fromkeys(ids)] if ids else list(things.values())
    for given in p.get(filters) or []:
        name, values = given.get("Name"), given.get("Values")
        if not name or values is None:
            raise invalid("The filter 'null' is invalid" if not name else "The filter value is missing")
        found = [each for each in found if _passes(each, name, values)]
    return found


def _passes(thing, name, values):
    if name.startswith("tag:"):
        has = [thing.tags[name[4:]]] if name[4:] in thing.tags else []
    elif name in ("tag-key", "tag-value"):
        has = list(thing.tags) if name == "tag-key" else list(thing.tags.values())
    else:
        facts = thing.facts()
        if name not in facts:
            raise invalid(f"The filter '{name}' is invalid")
        has = facts[name] if isinstance(facts[name], list) else [facts[name]]
    has = [{True: "true", False: "false"}.get(h, h) if isinstance(h, bool) else str(h) for h in has if h is not None]
    return any(policy.like(value, h) for value in values for h in has)


def page(p, member, rows, least=5, most=1000):
    """One page of an answer."""
    limit = p.get("MaxResults")
    if limit is not None and not least <= limit <= most:
        raise invalid(f"Value ( {limit} ) for parameter maxResults is invalid. Expecting a value between {least} and {most}.")
    try:
        start = int(p.get("NextToken") or 0)
    except ValueError as error:
        raise AwsError("InvalidNextToken", "The token is not valid.", 400) from error
    if not limit:
        return {member: rows[start:]}
    out = {member: rows[start : start + limit]}
    if start + limit < len(rows):
        out["NextToken"] = str(start + limit)
    return out


def tags_at_creation(p, kind):
    """The tags of `TagSpecifications`, for the one type of thing that a call makes."""
    out = {}
    for given in p.get("TagSpecifications") or []:
        if given.get("ResourceType") != kind:
            raise invalid(f"'{given.get('ResourceType')}' is not a valid taggable resource type for this operation.")
        if not given.get("Tags"):
            raise invalid("Tag specification must have at least one tag")
        keys = [t.get("Key") for t in given["Tags"]]
        if len(set(keys)) < len(keys):
            raise invalid("Duplicate tag key specified.")
        out = tagged(out, given["Tags"])
    return out


def tagged(tags, more):
    """Tags with more of them. Source: EC2 user guide, Tag restrictions."""
    tags = dict(tags)
    for each in more:
        key, value = each.get("Key"), each.get("Value") or ""
        if not key or len(key) > 128:
            raise invalid("Tag key exceeds the maximum length of 128 characters" if key else "Tag key cannot be null or empty")
        if len(value) > 256:
            raise invalid("Tag value exceeds the maximum length of 256 characters")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys starting with 'aws:' are reserved for internal use")
        tags[key] = value
    if len(tags) > 50:
        raise AwsError("TagLimitExceeded", "The maximum number of Tags has been reached.", 400)
    return tags


class Tokens:
    """Client tokens. Source: EC2 developer guide, Ensuring idempotency in Amazon EC2 API requests."""

    def __init__(self):
        self._made = {}

    def same(self, p, operation, alive):
        """The id that a call with this token has made, while it is known."""
        token = p.get("ClientToken")
        if not token:
            return None
        if len(token) > 64 or not token.isascii():
            raise invalid("Value for parameter clientToken is invalid. Must be up to 64 ASCII characters.")
        ident, asked = self._made.get((operation, token), (None, None))
        if ident is None or ident not in alive:
            return None
        if asked != _asked(p):
            raise AwsError("IdempotentParameterMismatch", "The client token was used with other parameters.", 400)
        return ident

    def remember(self, p, operation, ident):
        """What a call has made."""
        if p.get("ClientToken"):
            self._made[operation, p["ClientToken"]] = (ident, _asked(p))


def _asked(p):
    return {name: value for name, value in p.items() if name != "ClientToken"}
