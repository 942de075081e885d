"""Bodies and parameters held to their schemas: the part of JSON Schema that schemas.py uses, and problems in words."""

import json
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.web.api.problems import ProblemError
from chalicelib.web.api.schemas import SCHEMAS

MAX_BODY = 64 * 1024
MAX_DEPTH = 20
_REFS = "#/components/schemas/"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "array": (list,), "object": (dict,), "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
_WORDS = {
    "string": "a text", "integer": "a whole number", "array": "a list", "object": "an object", "null": "null",
    "boolean": "true or false",
}  # fmt: skip
_WHOLE = re.compile(r"-?[0-9]{1,9}")


def read_body(raw: bytes, media_type: str, name: str) -> dict[str, Any]:
    """The body of a request, held to a schema. Raises ProblemError."""
    if len(raw) > MAX_BODY:
        raise ProblemError(413, f"A body has at most {MAX_BODY // 1024} KB.")
    if not raw and not SCHEMAS[name].get("required") and "oneOf" not in SCHEMAS[name]:
        return {}
    if media_type.split(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "Send JSON, as application/json.")
    value = _parsed(raw)
    check(value, SCHEMAS[name])
    return dict(value)


def read_query(given: Mapping[str, list[str]], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters, each held to its schema; what was left out has its usual value. Raises ProblemError."""
    if any(name not in known for name in given):
        names = ", ".join(known) or "none"
        raise ProblemError(400, f"There is a parameter that is not known here; known are: {names}.")
    values: dict[str, Any] = {name: schema["default"] for name, schema in known.items() if "default" in schema}
    for name, texts in given.items():
        if len(texts) != 1:
            raise ProblemError(400, "This parameter is given twice.", name)
        value: Any = texts[0]
        if known[name]["type"] == "integer" and _WHOLE.fullmatch(value):
            value = int(value)
        check(value, known[name], name)
        values[name] = value
    return values


def check(value: Any, schema: Mapping[str, Any], where: str = "") -> None:
    """Raises ProblemError, with the place of the first thing that is wrong."""
    schema = _resolved(schema)
    if "oneOf" in schema:
        schema = _chosen(value, schema, where)
    if "const" in schema and value != schema["const"]:
        raise ProblemError(400, f"This must be '{schema['const']}'.", where)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is(value, kind) for kind in types):
        raise ProblemError(400, f"This must be {' or '.join(_WORDS[kind] for kind in types)}.", where)
    if isinstance(value, str):
        _check_text(value, schema, where)
    elif isinstance(value, list):
        _check_list(value, schema, where)
    elif isinstance(value, dict):
        _check_object(value, schema, where)
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        raise ProblemError(400, f"This must be from {schema['minimum']} to {schema['maximum']}.", where)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and not (kind == "integer" and isinstance(value, bool))


def _check_text(value: str, schema: Mapping[str, Any], where: str) -> None:
    if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", MAX_BODY):
        least, most = schema.get("minLength", 0), schema["maxLength"]
        raise ProblemError(400, f"This must have from {least} to {most} characters.", where)
    if "enum" in schema and value not in schema["enum"]:
        raise ProblemError(400, f"This must be one of: {', '.join(schema['enum'])}.", where)
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        raise ProblemError(400, f"This must match {schema['pattern']}", where)


def _check_list(value: list[Any], schema: Mapping[str, Any], where: str) -> None:
    if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", MAX_BODY):
        least, most = schema.get("minItems", 0), schema["maxItems"]
        raise ProblemError(400, f"This must have from {least} to {most} members.", where)
    for place, one in enumerate(value):
        check(one, schema["items"], f"{where}[{place}]")


def _check_object(value: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    known = schema.get("properties", {})
    if schema.get("additionalProperties") is False and any(name not in known for name in value):
        raise ProblemError(400, f"There is a key that is not known here; known are: {', '.join(known)}.", where)
    for name in schema.get("required", ()):
        if name not in value:
            raise ProblemError(400, "This is missing.", _below(where, name))
    for name, one in value.items():
        if name in known:
            check(one, known[name], _below(where, name))


def _chosen(value: Any, schema: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The one of several shapes that the body says it has."""
    if not isinstance(value, dict):
        raise ProblemError(400, "This must be an object.", where)
    name, mapping = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
    told = value.get(name)
    if not isinstance(told, str) or told not in mapping:
        raise ProblemError(400, f"This must be one of: {', '.join(mapping)}.", _below(where, name))
    return _resolved({"$ref": mapping[told]})


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return SCHEMAS[schema["$ref"].removeprefix(_REFS)] if "$ref" in schema else schema


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _parsed(raw: bytes) -> Any:
    """JSON as RFC 8259 has it: in UTF-8, no key twice, of a bounded depth, without halves of pairs."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise ProblemError(400, "The body is no JSON: broken, a key twice, or not in UTF-8.") from None
    if _depth(value) > MAX_DEPTH:
        raise ProblemError(400, f"The body is nested deeper than {MAX_DEPTH} levels.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _depth(value: Any) -> int:
    """How deep a value is nested; level by level, so that no depth is too deep for it."""
    level, depth = [value], 0
    while level := [
        inner for one in level if isinstance(one, dict | list)
        for inner in (one.values() if isinstance(one, dict) else one)
    ]:  # fmt: skip
        depth += 1
    return depth
