"""Requests read by the service's model: one flat dictionary of AWS's parameter names."""

import base64
import json
import urllib.parse
import xml.etree.ElementTree as ElementTree
from email.utils import parsedate_to_datetime

from .errors import AwsError


def parameters(op, labels, query, headers, body):
    """The parameters of a REST call.

    A body that is a blob (an object, a policy) stays bytes. Members that the model does not know are dropped,
    as AWS drops them.
    """
    shape = op.input_shape
    if shape is None:
        return {}
    out = {}
    places, rest = _places(shape)
    for name, member, wire in places["uri"]:
        if wire in labels:
            out[name] = _scalar(member, labels[wire])
    for name, member, wire in places["querystring"] if query else ():
        _query_member(out, name, member, wire, query)
    for name, member, wire in places["header"]:
        if wire in headers:
            out[name] = _scalar(member, headers[wire], header=True)
    for name, member, start in places["headers"]:
        out[name] = {k[len(start):]: v for k, v in headers.items() if k.startswith(start)}
    payload = shape.serialization.get("payload")
    xml = op.service_model.protocol == "rest-xml"
    if payload:
        out.update(_payload(shape, payload, body, xml))
    elif rest and body:
        parsed = _xml_structure(shape, _root(body), rest) if xml else _json_structure(shape, _loads(body), rest)
        out.update(parsed)
    return out


_PLACES = {}


def _places(shape):
    """The members of an input by where they stand, and the names of those in the body; asked for once a shape."""
    found = _PLACES.get(id(shape))
    if found is None:
        places, rest = {"uri": [], "querystring": [], "header": [], "headers": []}, []
        for name, member in shape.members.items():
            spec = member.serialization
            place, wire = spec.get("location"), spec.get("name", name)
            if place in places:
                places[place].append((name, member, wire.lower() if place in ("header", "headers") else wire))
            else:
                rest.append(name)
        # The shape is kept with its places, so that its id stays its own.
        found = _PLACES[id(shape)] = (shape, (places, rest))
    return found[1]


def _query_member(out, name, member, wire, query):
    if wire not in query:
        return
    if member.type_name == "list":
        value = query[wire]
        out[name] = value if isinstance(value, list) else [value]
    else:
        out[name] = _scalar(member, query[wire])


def _payload(shape, payload, body, xml):
    member = shape.members[payload]
    if member.type_name == "blob":
        return {payload: body}
    if member.type_name == "string":
        return {payload: body.decode("utf-8", "replace")}
    if not body:
        return {}
    if xml:
        return {payload: _xml_value(member, _root(body))}
    return {payload: _json_value(member, _loads(body))}


def _root(body):
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", f"The XML you provided was not well-formed: {error}", 400) from error


def _loads(body):
    try:
        return json.loads(body)
    except ValueError as error:
        raise AwsError("SerializationException", str(error), 400) from error


def _local(tag):
    return tag.rsplit("}", 1)[-1]


def _xml_structure(shape, element, only=None):
    out = {}
    children = {}
    for child in element:
        children.setdefault(_local(child.tag), []).append(child)
    for name, member in shape.members.items():
        if only is not None and name not in only:
            continue
        if member.serialization.get("xmlAttribute"):
            continue
        wire = member.serialization.get("name", name)
        if member.type_name == "list" and member.serialization.get("flattened"):
            wire = member.member.serialization.get("name", wire)
            if wire in children:
                out[name] = [_xml_value(member.member, e) for e in children[wire]]
        elif wire in children:
            out[name] = _xml_value(member, children[wire][0])
    return out


def _xml_value(shape, element):
    kind = shape.type_name
    if kind == "structure":
        return _xml_structure(shape, element)
    if kind == "list":
        return [_xml_value(shape.member, e) for e in element]
    return _scalar(shape, element.text or "")


def _json_structure(shape, value, only=None):
    out = {}
    for name, member in shape.members.items():
        if only is not None and name not in only:
            continue
        wire = member.serialization.get("name", name)
        if value.get(wire) is not None:
            out[name] = _json_value(member, value[wire])
    return out


def _json_value(shape, value):
    kind = shape.type_name
    if kind == "structure":
        return _json_structure(shape, value)
    if kind == "list":
        return [_json_value(shape.member, v) for v in value]
    if kind == "map":
        return {k: _json_value(shape.value, v) for k, v in value.items()}
    if kind == "blob":
        return base64.b64decode(value)
    return value


def _scalar(shape, text, header=False):
    kind = shape.type_name
    if kind == "boolean":
        return text.strip().lower() == "true"
    if kind in ("integer", "long"):
        return int(text)
    if kind in ("float", "double"):
        return float(text)
    if kind == "blob":
        return base64.b64decode(text)
    if kind == "timestamp" and header:
        try:
            return parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
    if kind == "list":
        return [part.strip() for part in text.split(",")]
    return text


def query_string(raw):
    """A query string as a dictionary; a name given twice becomes a list."""
    out = {}
    for name, value in urllib.parse.parse_qsl(raw, keep_blank_values=True):
        if name in out:
            first = out[name] if isinstance(out[name], list) else [out[name]]
            out[name] = first + [value]
        else:
            out[name] = value
    return out
