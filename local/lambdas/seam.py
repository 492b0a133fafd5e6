"""Seam 1: ministack hands every Python invocation to the runner."""

import hashlib
import json
from typing import Any

from ministack import app
from ministack.services import apigateway, lambda_svc

from local.lambdas.environment import FunctionSpec
from local.lambdas.runner import LambdaRunner
from local.stats import Stats

__all__ = ["install"]

_FINGERPRINTED = (
    "CodeSha256",
    "Handler",
    "Timeout",
    "MemorySize",
    "Environment",
    "Layers",
    "Role",
    "Runtime",
)


def install(runner: LambdaRunner, stats: Stats) -> None:
    """Replace ministack's own warm worker for Python runtimes; others keep it."""
    theirs = lambda_svc._execute_function_warm

    def execute(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        config = func.get("config") or func
        if not str(config.get("Runtime", "")).startswith("python"):
            return dict(theirs(func, event, request_id))
        if not func.get("code_zip"):
            return {"body": {"errorType": "Runtime.NoCode", "errorMessage": "no code"}, "error": True}
        spec = _spec(func, config, runner, stats)
        result = runner.invoke(spec, json.dumps(event).encode(), request_id)
        answer: dict[str, Any] = {"body": _parsed(result.body), "log": result.log}
        if result.failed:
            answer["error"] = True
        return answer

    lambda_svc._execute_function_warm = execute


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _spec(func: dict[str, Any], config: dict[str, Any], runner: LambdaRunner, stats: Stats) -> FunctionSpec:
    layers = []
    for attached in config.get("Layers") or []:
        data = lambda_svc._resolve_layer_zip(attached)
        if data:
            arn = attached["Arn"] if isinstance(attached, dict) else attached
            layers.append(runner.packages.unzip(f"layer {arn} {id(data)}", data))
    marks = {name: config.get(name) for name in _FINGERPRINTED}
    variables = dict((config.get("Environment") or {}).get("Variables") or {})
    return FunctionSpec(
        name=config["FunctionName"],
        arn=config["FunctionArn"],
        version=config.get("Version", "$LATEST"),
        fingerprint=hashlib.sha256(json.dumps(marks, sort_keys=True, default=str).encode()).hexdigest(),
        handler=config["Handler"],
        task_root=runner.packages.unzip(f"code {config['CodeSha256']}", func["code_zip"]),
        layers=tuple(layers),
        variables={**variables, **_credentials(config, stats)},
        timeout=float(config.get("Timeout") or 3),
        memory=int(config.get("MemorySize") or 128),
        region=config["FunctionArn"].split(":")[3],
        behind_api=_is_behind_an_api(config["FunctionArn"]),
    )


def _is_behind_an_api(arn: str) -> bool:
    return any(
        arn in integration.get("integrationUri", "")
        for integrations in apigateway._integrations.all_values()
        for integration in integrations.values()
    )


def _credentials(config: dict[str, Any], stats: Stats) -> dict[str, str]:
    """The role's session when IAM is enforced; otherwise test keys that only name the caller."""
    name = config["FunctionName"]
    if not app.AUTH:
        stats.name_caller(f"fn.{name}", name)
        return {"AWS_ACCESS_KEY_ID": f"fn.{name}", "AWS_SECRET_ACCESS_KEY": "test"}
    session: dict[str, str] = lambda_svc.execution_credentials(config)
    stats.name_caller(session["AWS_ACCESS_KEY_ID"], name)
    return session
