"""What the roles of a template allow: IAM's evaluation, as far as these policies use it.

An action is allowed where a statement of the role names it and the resource (``*`` and ``?`` as IAM has them), and no
statement denies it. Whatever else a statement could hold (NotAction, Principal, a condition) is refused here, so that
nobody relies on what is not evaluated.
"""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

PARTS = {"Sid", "Effect", "Action", "Resource"}


@dataclass(frozen=True)
class Statement:
    """One statement, its resources written out: ``arn:Name`` stands for a resource of the template."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def matches(self, action: str, resource: str) -> bool:
        """Whether it speaks of this. Actions are told apart without regard to case, resources with."""
        return any(fnmatchcase(action.lower(), known.lower()) for known in self.actions) and any(
            fnmatchcase(resource, known) for known in self.resources
        )


def allows(statements: list[Statement], action: str, resource: str) -> bool:
    """Whether a role may do this: allowed somewhere, denied nowhere."""
    found = [one.effect for one in statements if one.matches(action, resource)]
    return "Allow" in found and "Deny" not in found


def roles(template: dict[str, Any]) -> dict[str, list[Statement]]:
    """The statements of each function's role, by the function's logical name."""
    resources, found = template["Resources"], {}
    for name, resource in resources.items():
        if resource["Type"] in {"AWS::Serverless::Function", "AWS::Lambda::Function"}:
            role = resources[resource["Properties"]["Role"]["Fn::GetAtt"][0]]
            found[name] = [
                statement_of(statement)
                for policy in role["Properties"]["Policies"]
                for statement in listed(policy["PolicyDocument"]["Statement"])
            ]
            assert not role["Properties"].get("ManagedPolicyArns")
    return found


def statement_of(statement: dict[str, Any]) -> Statement:
    """A statement as a value. Raises AssertionError for what is not evaluated here."""
    assert set(statement) <= PARTS, statement
    actions = tuple(listed(statement["Action"]))
    return Statement(statement["Effect"], actions, tuple(written(one) for one in listed(statement["Resource"])))


def listed(value: Any) -> list[Any]:
    """A list, also of what stands alone."""
    return value if isinstance(value, list) else [value]


def written(resource: Any) -> str:
    """A resource in one text; what CloudFormation fills in stands in braces."""
    if isinstance(resource, str):
        return resource
    ((kind, value),) = resource.items()
    if kind == "Fn::GetAtt":
        assert value[1] == "Arn", value
        return f"arn:{value[0]}"
    if kind == "Ref":
        return f"arn:{value}"
    if kind == "Fn::If":  # as it is where nothing was restored: test_template.py looks at the other way
        return written(value[2])
    assert kind == "Fn::Sub", json.dumps(resource)
    return re.sub(r"\$\{(\w+)\.Arn\}", r"arn:\1", value)
