"""The JavaScript that CloudFront Functions documents, told from what a newer engine would also take.

The engine that runs functions here knows more of the language than `cloudfront-js-2.0` does: without this, a
function could pass every test and fail at the first visitor. Source: CloudFront guide, JavaScript runtime 2.0
features (ECMAScript 5.1, with const, let, async, await, template literals, arrow functions, rest parameters, `**`).
"""

import functools
import re

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      |(?P<name>[A-Za-z_$][\w$]*)
      |(?P<number>0[xX][0-9a-fA-F]+|\d[\d.]*(?:[eE][+-]?\d+)?|\.\d+)
      |(?P<mark>=>|\?\.(?!\d)|\?\?=?|\.\.\.|\*\*|&&=?|\|\|=?|[{}()\[\];,<>+\-*%&|^!~?:=./])""",
    re.X | re.S,
)
_BEFORE_REGEX = {"return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do", "await"}
_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")


def tokens(code):
    """`(kind, text)` of the code's tokens, without space and comments; templates are one token each."""
    place, out = 0, []
    while place < len(code):
        char = code[place]
        if char == "`":
            end = _template_end(code, place)
            out.append(("string", code[place:end]))
            place = end
            continue
        if char == "/" and code[place : place + 2] not in ("//", "/*") and _regex_may_follow(out):
            found = _REGEX.match(code, place)
            if found:
                out.append(("regex", found.group()))
                place = found.end()
                continue
        found = _TOKEN.match(code, place)
        if not found:
            place += 1
            continue
        if found.lastgroup != "space":
            out.append((found.lastgroup, found.group()))
        place = found.end()
    return out


def _regex_may_follow(out):
    if not out:
        return True
    kind, text = out[-1]
    if kind == "name":
        return text in _BEFORE_REGEX
    return kind == "mark" and text not in (")", "]", "}")


def _template_end(code, place):
    depth, place = 0, place + 1
    while place < len(code):
        if code[place] == "\\":
            place += 2
            continue
        if depth == 0 and code[place] == "`":
            return place + 1
        if code.startswith("${", place):
            depth += 1
            place += 1
        elif depth and code[place] == "}":
            depth -= 1
        place += 1
    return place


_WORDS = {
    "class": "classes", "yield": "generators", "super": "classes", "eval": "eval", "setTimeout": "timers",
    "setInterval": "timers", "fetch": "network", "XMLHttpRequest": "network", "require": None,
}
_MARKS = {"?.": "optional chaining", "??": "nullish coalescing", "??=": "logical assignment", "&&=": "logical assignment", "||=": "logical assignment"}


@functools.lru_cache(maxsize=64)
def undocumented(code):
    """What the code uses beyond the documented language: names, none when all is well."""
    found, list_ = [], tokens(code)
    for at, (kind, text) in enumerate(list_):
        before = list_[at - 1][1] if at else ""
        after = list_[at + 1][1] if at + 1 < len(list_) else ""
        if kind == "name" and before != "." and after != ":" and _WORDS.get(text):
            found.append(_WORDS[text])
        if kind == "mark" and text in _MARKS:
            found.append(_MARKS[text])
        if kind == "mark" and text == "..." and not _is_rest(list_, at):
            found.append("spread")
        if kind == "name" and text == "of" and _in_for(list_, at):
            found.append("for-of")
        if kind == "name" and text in ("const", "let", "var") and after in ("{", "["):
            found.append("destructuring")
        if kind == "name" and text == "function" and after == "*":
            found.append("generators")
        if kind == "name" and text == "await" and before != "." and _in_arguments(list_, at):
            found.append("await in arguments")
    return tuple(sorted(set(found)))


def _is_rest(list_, at):
    # A rest parameter is a name right before the closing parenthesis of a parameter list.
    if at + 3 >= len(list_) or list_[at + 1][0] != "name" or list_[at + 2][1] != ")":
        return False
    return list_[at + 3][1] in ("{", "=>")


_NO_CALL = {"if", "while", "for", "switch", "catch", "return", "await", "typeof", "void", "delete", "in", "of", "function", "throw", "case", "new"}


def _in_arguments(list_, at):
    # "async arguments [...] are not supported". Source: CloudFront guide, JavaScript runtime 2.0 features, Statements.
    depth = 0
    for place in range(at - 1, 0, -1):
        kind, text = list_[place]
        if kind != "mark":
            continue
        if text in (")", "]", "}"):
            depth += 1
        elif text in ("(", "[", "{") and depth:
            depth -= 1
        elif text == "{" or (text == ";" and not depth):
            return False
        elif text == "(" and (list_[place - 1][1] in (")", "]") or (list_[place - 1][0] == "name" and list_[place - 1][1] not in _NO_CALL)):
            return True
    return False


def _in_for(list_, at):
    return at >= 4 and list_[at - 1][0] == "name" and list_[at - 2][1] in ("const", "let", "var") and list_[at - 3][1] == "("
