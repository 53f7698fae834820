"""What WAF refuses of rules, and what they cost in capacity units.

Source: WAF API reference, Rule and Statement; developer guide, AWS managed rule groups and web ACL capacity units.
"""

import copy

from ..wire.errors import AwsError

MANAGED = {
    "AWSManagedRulesCommonRuleSet": 700, "AWSManagedRulesAdminProtectionRuleSet": 100,
    "AWSManagedRulesKnownBadInputsRuleSet": 200, "AWSManagedRulesSQLiRuleSet": 200, "AWSManagedRulesLinuxRuleSet": 200,
    "AWSManagedRulesUnixRuleSet": 100, "AWSManagedRulesWindowsRuleSet": 200, "AWSManagedRulesPHPRuleSet": 100,
    "AWSManagedRulesWordPressRuleSet": 100, "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesAnonymousIpList": 50, "AWSManagedRulesBotControlRuleSet": 50,
}
"""The vendor AWS's rule groups that are known here, with their capacities."""

_MOST = 5000
_EXACTLY_ONE = "You have used none or multiple values for a field that requires exactly one value."
_GROUPS = ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")
_COSTS = {
    "SqliMatchStatement": 20, "XssMatchStatement": 40, "SizeConstraintStatement": 1, "GeoMatchStatement": 1,
    "IPSetReferenceStatement": 1, "RegexPatternSetReferenceStatement": 25, "LabelMatchStatement": 1, "RegexMatchStatement": 3,
    "AsnMatchStatement": 1,
}


def wrong(reason, field, parameter):
    """WAF's refusal of a parameter."""
    text = f"Error reason: {reason}, field: {field}, parameter: {parameter}"
    return AwsError("WAFInvalidParameterException", text, 400, extra={"Field": field, "Parameter": parameter, "Reason": reason})


def complete(rules):
    """Rules as they are given back, with the defaults that WAF writes out."""
    rules = copy.deepcopy(rules)
    for rule in rules:
        rate = rule["Statement"].get("RateBasedStatement")
        if rate is not None:
            rate.setdefault("EvaluationWindowSec", 300)
    return rules


def check(acl):
    """The capacity that a web ACL needs; AwsError when WAF would not take it."""
    _one_of(acl["DefaultAction"], "DEFAULT_ACTION", "DefaultAction")
    _check_response(acl["DefaultAction"], acl)
    rules = acl.get("Rules") or []
    for field, what in (("Priority", "priorities"), ("Name", "names")):
        values = [rule[field] for rule in rules]
        if len(set(values)) != len(values):
            raise wrong(f"Your rules have duplicate {what}.", "RULE", field)
    total = sum(_rule(rule, acl) for rule in rules)
    if total > _MOST:
        raise AwsError("WAFLimitsExceededException", f"AWS WAF couldn't perform the operation because you exceeded your resource limit: {total} of {_MOST} web ACL capacity units.", 400)
    return total


def _one_of(value, field, parameter):
    present = [name for name, each in value.items() if each is not None]
    if len(present) != 1:
        raise wrong(_EXACTLY_ONE, field, parameter)
    return present[0]


def _rule(rule, acl):
    kind = _one_of(rule["Statement"], "STATEMENT", "Statement")
    action, override = rule.get("Action"), rule.get("OverrideAction")
    if kind in _GROUPS:
        # A group's rules have their own actions.
        if action is not None or override is None:
            raise wrong(_EXACTLY_ONE, "RULE", "Rule")
        _one_of(override, "OVERRIDE_ACTION", "OverrideAction")
    else:
        if override is not None or action is None:
            raise wrong(_EXACTLY_ONE, "RULE", "Rule")
        _one_of(action, "RULE_ACTION", "RuleAction")
        _check_response(action, acl)
    return _statement(rule["Statement"], top=True)


def _check_response(action, acl):
    key = ((action.get("Block") or {}).get("CustomResponse") or {}).get("CustomResponseBodyKey")
    if key and key not in (acl.get("CustomResponseBodies") or {}):
        raise wrong("The custom response body is not defined in the web ACL.", "CUSTOM_RESPONSE_BODY", key)


def _statement(statement, top=False):
    kind = _one_of(statement, "STATEMENT", "Statement")
    value = statement[kind]
    if kind in (*_GROUPS, "RateBasedStatement") and not top:
        raise wrong("You cannot nest this statement.", "STATEMENT", kind)
    if kind == "ManagedRuleGroupStatement":
        return _managed(value)
    if kind == "RateBasedStatement":
        return _rate(value)
    if kind in ("AndStatement", "OrStatement"):
        if len(value["Statements"]) < 2:
            raise wrong("You haven't met a minimum requirement for a threshold setting.", "AND_STATEMENT" if kind[0] == "A" else "OR_STATEMENT", kind)
        return sum(_statement(each) for each in value["Statements"])
    if kind == "NotStatement":
        return _statement(value["Statement"])
    if kind in ("IPSetReferenceStatement", "RegexPatternSetReferenceStatement", "RuleGroupReferenceStatement"):
        # Sets and groups of one's own are not played, so none is there.
        raise AwsError("WAFNonexistentItemException", f"AWS WAF couldn't perform the operation because your resource doesn't exist: {value['ARN']}", 400)
    return _match(kind, value)


def _managed(value):
    if value["VendorName"] != "AWS" or value["Name"] not in MANAGED:
        raise wrong("A managed rule group of this vendor and name doesn't exist.", "MANAGED_RULE_SET_STATEMENT", f"{value['VendorName']} {value['Name']}")
    for each in value.get("RuleActionOverrides") or []:
        _one_of(each["ActionToUse"], "RULE_ACTION", "RuleAction")
    if value.get("ScopeDownStatement"):
        _statement(value["ScopeDownStatement"])
    return MANAGED[value["Name"]]


def _rate(value):
    if value.get("EvaluationWindowSec", 300) not in (60, 120, 300, 600):
        raise wrong("The evaluation window must be 60, 120, 300 or 600 seconds.", "RATE_BASED_STATEMENT", str(value["EvaluationWindowSec"]))
    kind, keys = value["AggregateKeyType"], value.get("CustomKeys") or []
    if (kind == "CUSTOM_KEYS") != bool(keys):
        raise wrong(_EXACTLY_ONE, "CUSTOM_KEYS", "CustomKeys")
    if (kind == "FORWARDED_IP") and not value.get("ForwardedIPConfig"):
        raise wrong(_EXACTLY_ONE, "FORWARDED_IP_CONFIG", "ForwardedIPConfig")
    down = value.get("ScopeDownStatement")
    if kind == "CONSTANT" and not down:
        raise wrong("A rate-based statement that counts all requests needs a scope-down statement.", "SCOPE_DOWN", "ScopeDownStatement")
    return 2 + 30 * len(keys) + (_statement(down) if down else 0)


def _match(kind, value):
    cost = _COSTS.get(kind, 0)
    if kind == "ByteMatchStatement":
        cost = 2 if value["PositionalConstraint"] in ("EXACTLY", "STARTS_WITH", "ENDS_WITH") else 10
    if kind == "SqliMatchStatement" and value.get("SensitivityLevel") == "HIGH":
        cost = 30
    if "FieldToMatch" in value:
        field = _one_of(value["FieldToMatch"], "FIELD_TO_MATCH", "FieldToMatch")
        cost *= 2 if field == "JsonBody" else 1
        cost += 10 if field == "AllQueryArguments" else 0
    transformations = value.get("TextTransformations") or []
    priorities = [each["Priority"] for each in transformations]
    if len(set(priorities)) != len(priorities):
        raise wrong("Your text transformations have duplicate priorities.", "TEXT_TRANSFORMATION", "Priority")
    return cost + 10 * sum(each["Type"] != "NONE" for each in transformations)
