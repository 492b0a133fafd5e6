"""States, tasks, Retry and Catch."""

import json
import time

from local.probes.kit import INVOKE, KNIFE_ARN, knife_task, near, output_of, run, single, token_at, unique


def test_sfn_pass_choice_fail() -> None:
    d = {
        "StartAt": "P",
        "States": {
            "P": {"Type": "Pass", "Result": {"a": 5}, "ResultPath": "$.p", "Next": "C"},
            "C": {
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.p.a", "NumericGreaterThan": 4},
                            {"Not": {"Variable": "$.zz", "IsPresent": True}},
                            {"Variable": "$.s", "StringMatches": "foo*"},
                            {"Variable": "$.n", "NumericEqualsPath": "$.p.a"},
                            {"Variable": "$.t", "TimestampLessThan": "2030-01-01T00:00:00Z"},
                        ],
                        "Next": "F",
                    }
                ],
                "Default": "X",
            },
            "X": {"Type": "Succeed"},
            "F": {"Type": "Fail", "ErrorPath": "$.s", "Cause": "why"},
        },
    }
    r = run(d, {"s": "foobar", "n": 5, "t": "2020-01-01T00:00:00Z"})
    assert (r["status"], r.get("error"), r.get("cause")) == ("FAILED", "foobar", "why")


def test_sfn_lambda_invoke() -> None:
    assert output_of(single(knife_task({"op": "sq", "n.$": "$.n"})), {"n": 7}) == {"r": {"n": 49}}


def test_sfn_lambda_direct_arn() -> None:
    assert output_of(single({"Type": "Task", "Resource": KNIFE_ARN, "Parameters": {"op": "sq", "n": 3}})) == {
        "n": 9
    }


def test_sfn_lambda_error_name_catch() -> None:
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": knife_task(
                    {"op": "boom"},
                    End=True,
                    Catch=[{"ErrorEquals": ["Boom"], "ResultPath": "$.e", "Next": "B"}],
                ),
                "B": {"Type": "Pass", "End": True},
            },
        },
        {"keep": 1},
    )
    assert r["keep"] == 1
    assert r["e"]["Error"] == "Boom"
    cz = json.loads(r["e"]["Cause"])
    assert cz["errorMessage"] == "kaput"
    assert "stackTrace" in cz, cz


def test_sfn_lambda_timeout_error() -> None:
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Task",
                    "Resource": INVOKE,
                    "Parameters": {"FunctionName": "slow1", "Payload": {"op": "sleep", "s": 5}},
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}],
                    "End": True,
                },
                "B": {"Type": "Pass", "End": True},
            },
        }
    )
    assert r["Error"] in ("Sandbox.Timedout", "States.TaskFailed"), r


def test_sfn_task_timeout_seconds_lambda() -> None:
    t0 = time.time()
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": knife_task(
                    {"op": "sleep", "s": 6},
                    TimeoutSeconds=1,
                    Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "B"}],
                    End=True,
                ),
                "B": {"Type": "Pass", "End": True},
            },
        }
    )
    assert r["Error"] == "States.Timeout"
    assert time.time() - t0 < 4, f"took {time.time() - t0:.1f}s"


def test_sfn_lambda_missing_function_error() -> None:
    r = run(single({"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "nope"}}))
    assert (r["status"], r.get("error")) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_sfn_retry_backoff_timing() -> None:
    t0 = time.time()
    r = output_of(
        single(
            knife_task(
                {"op": "flaky", "k": unique("fl"), "ok_at": 3},
                Retry=[
                    {"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 5}
                ],
            )
        )
    )
    assert r["r"] == {"tries": 3}
    assert near(time.time() - t0, 3)


def test_sfn_retry_maxdelay_jitter() -> None:
    t0 = time.time()
    r = output_of(
        single(
            knife_task(
                {"op": "flaky", "k": unique("fl"), "ok_at": 4},
                Retry=[
                    {
                        "ErrorEquals": ["States.TaskFailed"],
                        "IntervalSeconds": 1,
                        "BackoffRate": 5.0,
                        "MaxDelaySeconds": 1,
                        "JitterStrategy": "FULL",
                        "MaxAttempts": 5,
                    }
                ],
            )
        )
    )
    assert r["r"] == {"tries": 4}
    assert time.time() - t0 < 4.5, f"{time.time() - t0:.1f}"


def test_sfn_retry_exhausted_then_catch() -> None:
    k = unique("fl")
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": knife_task(
                    {"op": "flaky", "k": k, "ok_at": 99},
                    Retry=[{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                    Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}],
                    End=True,
                ),
                "B": {"Type": "Pass", "End": True},
            },
        }
    )
    assert r["Error"] == "Flaky"
    assert token_at(k) == "2"


def test_sfn_retrycount_context() -> None:
    k = unique("fl")
    r = output_of(
        single(
            {
                "Type": "Task",
                "Resource": INVOKE,
                "Parameters": {
                    "FunctionName": "knife",
                    "Payload": {"op": "flaky", "k": k, "ok_at": 2, "rc.$": "$$.State.RetryCount"},
                },
                "Retry": [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1}],
            }
        )
    )
    assert r["Payload"] == {"tries": 2}
