"""The synthesised templates as tests read them: resources by type, roles' statements with readable names."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_HASH = re.compile(r"[0-9A-F]{8}$")
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "<region>", "AWS::AccountId": "<account>"}
_KEY_USE = {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"}


@dataclass(frozen=True)
class Resource:
    stack: str
    id: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.body.get("Properties", {}))


@dataclass(frozen=True)
class Statement:
    """One action on one resource by one role."""

    holder: str
    action: str
    resource: str
    condition: str

    def __str__(self) -> str:
        return f"{self.holder:<20} {self.action:<34} {self.resource}{self.condition}"


class Assembly:
    """One stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.templates: dict[str, dict[str, Any]] = {
            file.name.removesuffix(".template.json"): json.loads(file.read_text(encoding="utf-8"))
            for file in sorted(folder.glob("*.template.json"))
        }
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(
            Resource(stack, name, body)
            for stack, template in self.templates.items()
            for name, body in template.get("Resources", {}).items()
        )

    def of_type(self, kind: str) -> list[Resource]:
        """All resources of a type; a test about none of them would prove nothing."""
        found = [resource for resource in self.resources if resource.type == kind]
        assert found, f"no {kind} in the templates"
        return found

    def outputs(self) -> dict[str, Any]:
        return {
            key: output["Value"]
            for template in self.templates.values()
            for key, output in template.get("Outputs", {}).items()
        }

    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties by function, without `nightshift-<stage>-`."""
        found = self.of_type("AWS::Lambda::Function")
        return {f.properties["FunctionName"].split("-", 2)[2]: f.properties for f in found}

    def statements(self) -> list[Statement]:
        return sorted(self._statements(), key=str)

    def readable(self, stack: str, value: object) -> str:
        """A CloudFormation value as a person names it: `RunsTable`, `lambda function:nightshift-dev-gate`."""
        match value:
            case str() | int():
                return str(value)
            case {"Ref": name} if name in _PSEUDO:
                return _PSEUDO[name]
            case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
                return _HASH.sub("", name)
            case {"Fn::ImportValue": export}:
                return self.readable(*self._exports[export])
            case {"Fn::Join": [separator, parts]}:
                joined = str(separator).join(self.readable(stack, part) for part in parts)
                return re.sub(r"^arn:aws:([a-z]+):<region>:<account>:", r"\1 ", joined)
            case _:
                raise TypeError(value)

    @cached_property
    def _exports(self) -> dict[str, tuple[str, Any]]:
        return {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in self.templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def _statements(self) -> Iterator[Statement]:
        # CDK puts what no longer fits into a role's own policy into a managed one beside it.
        kinds = {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
        for policy in (resource for resource in self.resources if resource.type in kinds):
            for role in policy.properties["Roles"]:
                holder = self._holder(policy.stack, role["Ref"])
                for statement in policy.properties["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    yield from self._flat(policy.stack, holder, statement)

    def _flat(self, stack: str, holder: str, statement: dict[str, Any]) -> Iterator[Statement]:
        condition = self._condition(stack, statement.get("Condition", {}))
        for action in _list(statement["Action"]):
            for resource in _list(statement["Resource"]):
                yield Statement(holder, action, self.readable(stack, resource), condition)

    def _condition(self, stack: str, conditions: dict[str, Any]) -> str:
        texts = []
        for keys in conditions.values():
            for key, values in keys.items():
                names = sorted(self.readable(stack, value) for value in _list(values))
                texts.append(f" [{key.split(':', 1)[1]} {', '.join(names)}]")
        return "".join(texts)

    def _holder(self, stack: str, role: str) -> str:
        """Whose role it is: a function, a machine, or the schedule of one."""
        for resource in self.resources:
            given = resource.properties.get("Role") or resource.properties.get("RoleArn")
            if resource.stack == stack and given == {"Fn::GetAtt": [role, "Arn"]}:
                name = resource.properties.get("FunctionName") or resource.properties["StateMachineName"]
                short = str(name).split("-", 2)[2]
                return short if resource.type == "AWS::Lambda::Function" else f"machine {short}"
            if resource.type == "AWS::Scheduler::Schedule" and role in json.dumps(
                resource.properties["Target"]
            ):
                target = self.readable(stack, resource.properties["Target"]["Arn"])
                return f"schedule {target.removesuffix('Function').lower()}"
        return _HASH.sub("", role)


def readable(statements: list[Statement]) -> list[str]:
    """A line each; the six actions that use a key are one line where a role has all of them."""
    lines = [str(statement) for statement in statements if not statement.action.startswith("kms:")]
    of_keys: dict[tuple[str, str, str], set[str]] = {}
    for statement in statements:
        if statement.action.startswith("kms:"):
            held = of_keys.setdefault((statement.holder, statement.resource, statement.condition), set())
            held.add(statement.action.removeprefix("kms:"))
    for (holder, resource, condition), actions in of_keys.items():
        short = ["use"] if actions == _KEY_USE else sorted(actions)
        lines += [str(Statement(holder, f"kms:{action}", resource, condition)) for action in short]
    return sorted(lines)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
