"""Holds answers of the HTTP interface against docs/openapi.yaml: documented status, documented type,
every member documented and of its type."""
import json
import pathlib
import re
import sys

try:
    import yaml
except ImportError:
    print("python3-yaml is not installed")
    sys.exit(77)

root = pathlib.Path(__file__).resolve().parents[2]
spec = yaml.safe_load((root / "docs/openapi.yaml").read_text())
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def follow(node):
    while isinstance(node, dict) and "$ref" in node:
        target = spec
        for word in node["$ref"][2:].split("/"):
            target = target[word]
        node = target
    return node


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def members(schema):
    """All documented members of an object, over allOf."""
    schema = follow(schema)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found.update(members(part))
    return found


def check(value, schema, where, known=None):
    """Yields faults. `known`: members that a surrounding allOf documents."""
    schema = follow(schema)
    if "oneOf" in schema:
        results = [list(check(value, s, where)) for s in schema["oneOf"]]
        if sum(not r for r in results) != 1:
            yield f"{where}: fits {sum(not r for r in results)} of {len(results)}: {min(results, key=len)}"
    for part in schema.get("allOf", []):
        yield from check(value, part, where, members(schema))
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(is_type(value, n) for n in names):
        yield f"{where}: {json.dumps(value)[:60]} is not {' or '.join(names)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value} is not {schema['const']}"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{where}: {value} does not match {schema['pattern']}"
    if isinstance(value, int) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            yield f"{where}: {value} is out of range"
    if isinstance(value, dict):
        yield from check_object(value, schema, where, known)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from check(item, schema.get("items", {}), f"{where}/{i}")


def check_object(value, schema, where, known):
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}: {name} is missing"
    for name, member in value.items():
        if name in schema.get("properties", {}):
            yield from check(member, schema["properties"][name], f"{where}/{name}")
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from check(member, schema["additionalProperties"], f"{where}/{name}")
        elif schema.get("properties") and name not in (known or {}):
            yield f"{where}: {name} is not documented"


def operation(method, path):
    for pattern, item in spec["paths"].items():
        prefix = "" if "servers" in item else "/api/v1"
        if re.fullmatch(prefix + re.sub(r"\{\w+\}", "[^/]+", pattern), path):
            return item.get(method.lower())
    return None


def check_answer(method, path, status, kind, body):
    op = operation(method, path.split("?")[0])
    if op is None:
        return  # not an address of the interface: what comes is checked by the test itself
    responses = {str(k): v for k, v in op["responses"].items()}
    answer = responses.get(status) or responses.get(status[0] + "XX")
    # what breaks the rules of HTTP or is too large may come from everywhere
    if answer is None and status in ("400", "405", "413", "415", "431", "500", "503"):
        answer = spec["components"]["responses"]["Problem"]
    if answer is None:
        yield f"status {status} is not documented"
        return
    content = follow(answer).get("content", {})
    if not content and not kind:
        return
    if kind not in content:
        yield f"type {kind} is not one of {list(content)}"
    elif body and kind.endswith("json"):
        yield from check(json.loads(body), content[kind]["schema"], "")
