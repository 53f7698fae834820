"""A little of what a web ACL does to a visitor: enough to see that a site's own requests pass.

Custom rules over plain fields and labels, and of the managed groups only the rules below, each by its plainest sign.
Rates are not counted. Source: WAF developer guide, AWS managed rule groups list; API reference, Statement.
"""

import re
import urllib.parse
from dataclasses import dataclass

# CloudFront hands over so much of a body unless the web ACL asks for more. Source: guide, body inspection size limits.
_INSPECTED = 16 * 1024
_SCRIPT = re.compile(r"<script|javascript:|<[a-z][^>]*\son[a-z]+\s*=", re.I)
_INJECTION = re.compile(r"'\s*(or|and)\s+'?\d+'?\s*=\s*'?\d|\bunion\s+(all\s+)?select\b|;\s*drop\s+table\b", re.I)
_LOOKUP = re.compile(r"\$\{jndi:", re.I)


@dataclass
class Block:
    """A refusal: by which rule, and with what answer."""

    rule: str
    status: int = 403
    body: str | None = None


class _Unknown(Exception):
    """The statement is of a kind that is not evaluated."""


def judge(acl, request, note):
    """The `Block` for a request, or None; `note` is told of rules that are not evaluated."""
    labels = set()
    for rule in sorted(acl.body["Rules"], key=lambda each: each["Priority"]):
        try:
            action, name = _rule(rule, request, labels)
        except _Unknown as kind:
            note(f"the rule {rule['Name']} is not evaluated: {kind}")
            continue
        if "Allow" in action:
            return None
        if "Block" in action:
            return _block(acl, name, action["Block"])
    default = acl.body["DefaultAction"]
    return _block(acl, "the default action", default["Block"]) if "Block" in default else None


def _block(acl, name, action):
    custom = (action or {}).get("CustomResponse") or {}
    bodies = acl.body.get("CustomResponseBodies") or {}
    content = bodies.get(custom.get("CustomResponseBodyKey"), {}).get("Content")
    return Block(name, custom.get("ResponseCode", 403), content)


def _rule(rule, request, labels):
    """`(action, name)`; an empty action lets the request go on."""
    managed = rule["Statement"].get("ManagedRuleGroupStatement")
    if managed is not None:
        return _group(rule, managed, request, labels)
    if "RateBasedStatement" in rule["Statement"] or not _matches(rule["Statement"], request, labels):
        return {}, ""
    labels.update(each["Name"] for each in rule.get("RuleLabels") or [])
    return rule["Action"], rule["Name"]


def _group(rule, managed, request, labels):
    down = managed.get("ScopeDownStatement")
    if down and not _matches(down, request, labels):
        return {}, ""
    overrides = {each["Name"]: each["ActionToUse"] for each in managed.get("RuleActionOverrides") or []}
    for name, label, sign in _SIGNS.get(managed["Name"], ()):
        if not sign(request):
            continue
        labels.add(label)
        action = overrides.get(name, {"Block": {}})
        if "Count" not in action and "Count" not in rule["OverrideAction"]:
            return action, f"{managed['Name']} {name}"
    return {}, ""


# -- managed rules: `(name, label, sign)` ----------------------------------------------------------------------


def _query(request):
    return urllib.parse.unquote_plus(request.query)


def _body(request):
    text = request.body[:_INSPECTED].decode("utf-8", "replace")
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return urllib.parse.unquote_plus(text) if form else text


_CORE, _INPUTS, _SQL = "awswaf:managed:aws:core-rule-set:", "awswaf:managed:aws:known-bad-inputs:", "awswaf:managed:aws:sql-database:"
_SIGNS = {
    "AWSManagedRulesCommonRuleSet": (
        ("SizeRestrictions_QUERYSTRING", _CORE + "SizeRestrictions_QueryString", lambda r: len(r.query) > 2048),
        ("SizeRestrictions_Cookie_HEADER", _CORE + "SizeRestrictions_Cookie_Header", lambda r: len(r.headers.get("cookie", "")) > 10240),
        ("SizeRestrictions_BODY", _CORE + "SizeRestrictions_Body", lambda r: len(r.body) > 8192),
        ("SizeRestrictions_URIPATH", _CORE + "SizeRestrictions_URIPath", lambda r: len(r.path) > 1024),
        ("CrossSiteScripting_QUERYARGUMENTS", _CORE + "CrossSiteScripting_QueryArguments", lambda r: _SCRIPT.search(_query(r))),
        ("CrossSiteScripting_BODY", _CORE + "CrossSiteScripting_Body", lambda r: _SCRIPT.search(_body(r))),
    ),
    "AWSManagedRulesKnownBadInputsRuleSet": (
        ("Log4JRCE_QUERYSTRING", _INPUTS + "Log4JRCE_QueryString", lambda r: _LOOKUP.search(_query(r))),
        ("Log4JRCE_BODY", _INPUTS + "Log4JRCE_Body", lambda r: _LOOKUP.search(_body(r))),
    ),
    "AWSManagedRulesSQLiRuleSet": (
        ("SQLi_QUERYARGUMENTS", _SQL + "SQLi_QueryArguments", lambda r: _INJECTION.search(_query(r))),
        ("SQLi_BODY", _SQL + "SQLi_Body", lambda r: _INJECTION.search(_body(r))),
    ),
}


# -- statements ------------------------------------------------------------------------------------------------


def _matches(statement, request, labels):
    kind, value = next((k, v) for k, v in statement.items() if v is not None)
    if kind == "AndStatement":
        return all([_matches(each, request, labels) for each in value["Statements"]])
    if kind == "OrStatement":
        return any([_matches(each, request, labels) for each in value["Statements"]])
    if kind == "NotStatement":
        return not _matches(value["Statement"], request, labels)
    if kind == "LabelMatchStatement":
        return any(_labelled(value, label) for label in labels)
    if kind not in ("ByteMatchStatement", "SizeConstraintStatement", "RegexMatchStatement", "XssMatchStatement", "SqliMatchStatement"):
        raise _Unknown(kind)
    text = _field(value, request)
    if kind == "SizeConstraintStatement":
        return _COMPARE[value["ComparisonOperator"]](len(text), value["Size"])
    if kind == "RegexMatchStatement":
        return re.search(value["RegexString"], text) is not None
    if kind == "ByteMatchStatement":
        return _bytes(value, text)
    return (_SCRIPT if kind == "XssMatchStatement" else _INJECTION).search(text) is not None


def _labelled(value, label):
    if value["Scope"] == "NAMESPACE":
        return label.startswith(value["Key"]) or ":" + value["Key"] in label.rpartition(":")[0] + ":"
    return label == value["Key"] or label.endswith(":" + value["Key"])


_COMPARE = {
    "EQ": int.__eq__, "NE": int.__ne__, "LE": int.__le__, "LT": int.__lt__, "GE": int.__ge__, "GT": int.__gt__,
}


def _field(value, request):
    kind, field = next(iter(value["FieldToMatch"].items()))
    texts = {"UriPath": request.path, "QueryString": request.query, "Method": request.method}
    if kind == "Body":
        text = request.body[:_INSPECTED].decode("latin-1")
    elif kind == "SingleHeader":
        text = request.headers.get(field["Name"].lower(), "")
    elif kind in texts:
        text = texts[kind]
    else:
        raise _Unknown(f"the field {kind}")
    for each in sorted(value["TextTransformations"], key=lambda t: t["Priority"]):
        if each["Type"] not in _CHANGES:
            raise _Unknown(f"the transformation {each['Type']}")
        text = _CHANGES[each["Type"]](text)
    return text


_CHANGES = {"NONE": str, "LOWERCASE": str.lower, "URL_DECODE": urllib.parse.unquote_plus}


def _bytes(value, text):
    wanted = value["SearchString"]
    wanted = wanted.decode("latin-1") if isinstance(wanted, bytes) else wanted
    tests = {"EXACTLY": text.__eq__, "STARTS_WITH": text.startswith, "ENDS_WITH": text.endswith, "CONTAINS": text.__contains__}
    if value["PositionalConstraint"] not in tests:
        raise _Unknown(value["PositionalConstraint"])
    return tests[value["PositionalConstraint"]](wanted)
