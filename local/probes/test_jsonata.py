"""JSONata states."""

import time

from local.probes.kit import (
    INVOKE,
    client,
    machine,
    near,
    output_of,
    run,
    single,
    single_jsonata,
    start,
    table,
    token_at,
    unique,
    wait_for,
)


def test_jsonata_pass() -> None:
    assert output_of(
        single_jsonata(
            {
                "Type": "Pass",
                "Output": {
                    "s": "{% $sum($states.input.xs) %}",
                    "t": "lit",
                    "e": "{% $states.context.Execution.Input.xs[0] %}",
                },
            }
        ),
        {"xs": [1, 2, 3]},
    ) == {"s": 6, "t": "lit", "e": 1}


def test_jsonata_task_assign_choice() -> None:
    d = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Task",
                "Resource": INVOKE,
                "Arguments": {"FunctionName": "knife", "Payload": {"op": "sq", "n": "{% $states.input.n %}"}},
                "Assign": {"sq": "{% $states.result.Payload.n %}", "orig": "{% $states.input %}"},
                "Output": "{% $states.result.Payload %}",
                "Next": "C",
            },
            "C": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $sq > 10 and $orig.n = 4 %}",
                        "Next": "Y",
                        "Output": {"big": "{% $sq %}"},
                    }
                ],
                "Default": "N",
            },
            "Y": {"Type": "Pass", "End": True},
            "N": {"Type": "Fail"},
        },
    }
    assert output_of(d, {"n": 4}) == {"big": 16}


def test_jsonata_string_vars_quotes() -> None:
    s = 'he said "hi"\nand \\ left {% é'
    d = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"v": "{% $states.input.s %}"}, "Next": "B"},
            "B": {"Type": "Pass", "Output": {"o": "{% $v %}", "u": "{% $uppercase($v) %}"}, "End": True},
        },
    }
    assert output_of(d, {"s": s}) == {"o": s, "u": s.upper()}


def test_jsonata_functions() -> None:
    r = output_of(
        single_jsonata(
            {
                "Type": "Pass",
                "Output": {
                    "u": "{% $uuid() %}",
                    "h": "{% $hash('abc','SHA-256') %}",
                    "p": "{% $parse('{\"a\":1}') %}",
                    "pt": "{% $partition([1,2,3],2) %}",
                    "rg": "{% $range(1,5,2) %}",
                    "rn": "{% $random() %}",
                    "m": "{% $map([1,2],function($x){$x*2}) %}",
                    "now": "{% $now() %}",
                    "mer": "{% $merge([{'a':1},{'b':2}]) %}",
                },
            }
        )
    )
    assert len(r.pop("u")) == 36
    assert 0 <= r.pop("rn") < 1
    assert r.pop("now")[:2] == "20"
    assert r == {
        "h": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "p": {"a": 1},
        "pt": [[1, 2], [3]],
        "rg": [1, 3, 5],
        "m": [2, 4],
        "mer": {"a": 1, "b": 2},
    }


def test_jsonata_catch_output() -> None:
    d = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Task",
                "Resource": INVOKE,
                "Arguments": {"FunctionName": "knife", "Payload": {"op": "boom"}},
                "Catch": [
                    {
                        "ErrorEquals": ["Boom"],
                        "Output": {"err": "{% $states.errorOutput.Error %}", "in": "{% $states.input.k %}"},
                        "Assign": {"e": "{% $states.errorOutput.Error %}"},
                        "Next": "B",
                    }
                ],
                "End": True,
            },
            "B": {"Type": "Pass", "Output": {"a": "{% $states.input %}", "v": "{% $e %}"}, "End": True},
        },
    }
    assert output_of(d, {"k": 1}) == {"a": {"err": "Boom", "in": 1}, "v": "Boom"}


def test_jsonata_map_items() -> None:
    d = single_jsonata(
        {
            "Type": "Map",
            "Items": "{% $states.input.xs %}",
            "MaxConcurrency": "{% 2 %}",
            "ItemSelector": {
                "v": "{% $states.context.Map.Item.Value %}",
                "i": "{% $states.context.Map.Item.Index %}",
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                **single({"Type": "Pass", "Output": "{% $states.input.v * 10 + $states.input.i %}"}),
            },
            "Output": {"r": "{% $states.result %}"},
        }
    )
    assert output_of(d, {"xs": [1, 2, 3]}) == {"r": [10, 21, 32]}


def test_jsonata_map_scope_vars() -> None:
    d = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"k": 7}, "Next": "M"},
            "M": {
                "Type": "Map",
                "Items": "{% [1,2] %}",
                "ItemProcessor": single(
                    {
                        "Type": "Pass",
                        "Assign": {"loc": "{% $k + $states.input %}"},
                        "Output": "{% $k * $states.input %}",
                    }
                ),
                "End": True,
            },
        },
    }
    assert output_of(d) == [7, 14]


def test_jsonata_wait_and_timeouts() -> None:
    t0 = time.time()
    output_of(single_jsonata({"Type": "Wait", "Seconds": "{% $states.input.s %}"}), {"s": 1})
    assert near(time.time() - t0, 1)


def test_jsonata_wait_timestamp() -> None:
    t0 = time.time()
    output_of(single_jsonata({"Type": "Wait", "Timestamp": "{% $fromMillis($millis()+1500) %}"}))
    assert near(time.time() - t0, 1.5, within=1)


def test_jsonata_token() -> None:
    k = unique("t")
    ex = start(
        machine(
            single_jsonata(
                {
                    "Type": "Task",
                    "Resource": INVOKE + ".waitForTaskToken",
                    "Arguments": {
                        "FunctionName": "knife",
                        "Payload": {"op": "token", "k": k, "token": "{% $states.context.Task.Token %}"},
                    },
                    "TimeoutSeconds": "{% 30 %}",
                    "Output": "{% $states.result.v %}",
                }
            )
        )
    )
    client("stepfunctions").send_task_success(taskToken=token_at(k), output='{"v":1}')
    assert wait_for(ex)["output"] == "1"


def test_jsonata_query_error() -> None:
    r = run(single_jsonata({"Type": "Pass", "Output": "{% $states.input.a + 'x' %}"}), {"a": 1})
    assert (r["status"], r.get("error")) == ("FAILED", "States.QueryEvaluationError")


def test_jsonata_undefined_result_error() -> None:
    r = run(single_jsonata({"Type": "Pass", "Output": "{% $states.input.nope %}"}), {"a": 1})
    assert (r["status"], r.get("error")) == ("FAILED", "States.QueryEvaluationError")


def test_jsonata_fail_dynamic() -> None:
    r = run(
        {
            "QueryLanguage": "JSONata",
            "StartAt": "F",
            "States": {
                "F": {
                    "Type": "Fail",
                    "Error": "{% $states.input.e %}",
                    "Cause": "{% 'c' & $states.input.e %}",
                }
            },
        },
        {"e": "X"},
    )
    assert (r.get("error"), r.get("cause")) == ("X", "cX")


def test_jsonata_state_level_mixed() -> None:
    assert output_of(
        {
            "StartAt": "A",
            "States": {
                "A": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"v": "{% 1+1 %}"}, "Next": "B"},
                "B": {"Type": "Pass", "Parameters": {"w.$": "$.v"}, "End": True},
            },
        }
    ) == {"w": 2}


def test_jsonata_parallel_arguments() -> None:
    assert (
        output_of(
            single_jsonata(
                {
                    "Type": "Parallel",
                    "Arguments": {"q": "{% $states.input.a %}"},
                    "Branches": [single({"Type": "Pass", "Output": "{% $states.input.q %}"})],
                    "Output": "{% $states.result[0] %}",
                }
            ),
            {"a": 3},
        )
        == 3
    )


def test_jsonata_singleton_array() -> None:
    assert output_of(
        single_jsonata(
            {
                "Type": "Pass",
                "Output": {
                    "a": "{% $states.input.xs[v=1].v %}",
                    "b": "{% [$states.input.xs[v=1].v] %}",
                    "c": "{% $states.input.xs[v=9] ~> $count() %}",
                },
            }
        ),
        {"xs": [{"v": 1}, {"v": 2}]},
    ) == {"a": 1, "b": [1], "c": 0}


def test_jsonata_sdk_dynamodb() -> None:
    tb = table()
    output_of(
        single_jsonata(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Arguments": {
                    "TableName": tb,
                    "Item": {
                        "pk": {"S": "{% $states.input.id %}"},
                        "sk": {"S": "s"},
                        "n": {"N": "{% $string($states.input.n) %}"},
                    },
                    "ConditionExpression": "attribute_not_exists(pk)",
                },
            }
        ),
        {"id": "i1", "n": 5},
    )
    assert client("dynamodb").get_item(TableName=tb, Key={"pk": {"S": "i1"}, "sk": {"S": "s"}})["Item"][
        "n"
    ] == {"N": "5"}
