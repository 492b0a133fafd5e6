"""The one way in over HTTP: vendors' webhooks and our own API."""

import json
from collections.abc import Mapping

from aws_cdk import Acknowledgment, CfnOutput, RemovalPolicy, Stack, Validations
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.stage import Stage

__all__ = ["ApiStack"]

# Who and what, never a query string, a header or a body.
_ACCESS_LOG = {
    "request": "$context.requestId",
    "at": "$context.requestTimeEpoch",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "integration_error": "$context.integrationErrorMessage",
}
_VENDOR_SIGNS = (
    "A webhook proves itself by the vendor's signature over its raw body; only the handler sees it."
)
_BEARER_PROVES_WHO = (
    "The handler verifies the caller's signed token and reads their role anew from the tenant's records."
)


class ApiStack(Stack):
    """An HTTP API with one route per vendor's webhooks and one for everything under `/v1`."""

    def __init__(
        self, scope: Construct, *, stage: Stage, api: PythonFunction, webhooks: Mapping[str, PythonFunction]
    ) -> None:
        super().__init__(scope, stage.stack("api"))
        self.api = apigatewayv2.HttpApi(self, "Api", api_name=stage.prefix, create_default_stage=False)
        self._default_stage(stage)
        for vendor, function in webhooks.items():
            path = f"/webhooks/{vendor}/{{tenant}}/{{channel}}"
            self._route(path, apigatewayv2.HttpMethod.POST, function, reason=_VENDOR_SIGNS)
        self._route("/v1/{proxy+}", apigatewayv2.HttpMethod.ANY, api, reason=_BEARER_PROVES_WHO)
        CfnOutput(self, "ApiUrl", value=self.api.api_endpoint)
        CfnOutput(self, "ApiId", value=self.api.api_id)

    def _default_stage(self, stage: Stage) -> None:
        log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apis/{stage.prefix}",
            retention=stage.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        apigatewayv2.CfnStage(
            self,
            "DefaultStage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigatewayv2.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=stage.requests_per_second,
                throttling_burst_limit=2 * stage.requests_per_second,
            ),
            access_log_settings=apigatewayv2.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(_ACCESS_LOG)
            ),
        )

    def add_setup(self, scope: Stack, onboarding: PythonFunction) -> None:
        """The route of onboarding, in its own stack: it is made after the API, whose address it tells."""
        # As if it were another's API, or CDK puts the integration here and the two stacks need one another.
        api = apigatewayv2.HttpApi.from_http_api_attributes(scope, "Api", http_api_id=self.api.api_id)
        route = apigatewayv2.HttpRoute(
            scope,
            "Setup",
            http_api=api,
            route_key=apigatewayv2.HttpRouteKey.with_("/v1/setup/{proxy+}", apigatewayv2.HttpMethod.ANY),
            integration=integrations.HttpLambdaIntegration("onboarding", onboarding.function),
        )
        Validations.of(route).acknowledge(Acknowledgment(id="AwsSolutions-APIG4", reason=_BEARER_PROVES_WHO))

    def _route(
        self, path: str, method: apigatewayv2.HttpMethod, function: PythonFunction, *, reason: str
    ) -> None:
        integration = integrations.HttpLambdaIntegration(function.node.id, function.function)
        for route in self.api.add_routes(path=path, methods=[method], integration=integration):
            Validations.of(route).acknowledge(Acknowledgment(id="AwsSolutions-APIG4", reason=reason))
