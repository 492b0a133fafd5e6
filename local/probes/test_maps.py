"""Parallel and Map."""

import json
import time

import pytest

from local.probes.kit import (
    INVOKE,
    client,
    knife_task,
    machine,
    near,
    output_of,
    run,
    single,
    start,
    unique,
    wait_for,
)


def test_parallel_basic() -> None:
    r = output_of(
        single(
            {
                "Type": "Parallel",
                "Branches": [
                    single(knife_task({"op": "sq", "n": 2})),
                    single({"Type": "Wait", "Seconds": 1}),
                ],
                "ResultSelector": {"first.$": "$[0].r.n"},
            }
        )
    )
    assert r == {"first": 4}


def test_parallel_catch() -> None:
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Parallel",
                    "Branches": [single(knife_task({"op": "boom"})), single({"Type": "Wait", "Seconds": 30})],
                    "Catch": [{"ErrorEquals": ["Boom"], "Next": "B"}],
                    "End": True,
                },
                "B": {"Type": "Pass", "End": True},
            },
        }
    )
    assert r["Error"] == "Boom"


def test_map_inline() -> None:
    r = output_of(
        single(
            {
                "Type": "Map",
                "ItemsPath": "$.xs",
                "MaxConcurrency": 2,
                "ItemSelector": {"op": "sq", "n.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"},
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    **single(
                        {
                            "Type": "Task",
                            "Resource": INVOKE,
                            "Parameters": {"FunctionName": "knife", "Payload.$": "$"},
                            "OutputPath": "$.Payload.n",
                        }
                    ),
                },
            }
        ),
        {"xs": [1, 2, 3, 4]},
    )
    assert r == [1, 4, 9, 16]


def test_map_inline_max_concurrency() -> None:
    t0 = time.time()
    output_of(
        single(
            {
                "Type": "Map",
                "ItemsPath": "$.xs",
                "MaxConcurrency": 2,
                "ItemProcessor": single({"Type": "Wait", "Seconds": 1}),
            }
        ),
        {"xs": [1, 2, 3, 4]},
    )
    assert near(time.time() - t0, 2)


def test_map_inline_40_concurrent() -> None:
    t0 = time.time()
    output_of(
        single({"Type": "Map", "ItemsPath": "$.xs", "ItemProcessor": single({"Type": "Wait", "Seconds": 1})}),
        {"xs": list(range(30))},
    )
    assert near(time.time() - t0, 1)


@pytest.mark.xfail(strict=True, reason="the grammar takes no integer percentage")
def test_map_tolerated_failure_distributed() -> None:
    d = single(
        {
            "Type": "Map",
            "ItemsPath": "$.xs",
            "ToleratedFailurePercentage": 50,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "C",
                "States": {
                    "C": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}],
                        "Default": "S",
                    },
                    "F": {"Type": "Fail", "Error": "E"},
                    "S": {"Type": "Succeed"},
                },
            },
        }
    )
    r = run(d, {"xs": [1, 2, 3]})
    assert r["status"] == "SUCCEEDED"


@pytest.mark.xfail(strict=True, reason="a failed child does not fail a distributed map")
def test_map_distributed_zero_tolerance() -> None:
    d = single(
        {
            "Type": "Map",
            "ItemsPath": "$.xs",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "C",
                "States": {
                    "C": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}],
                        "Default": "S",
                    },
                    "F": {"Type": "Fail", "Error": "E"},
                    "S": {"Type": "Succeed"},
                },
            },
        }
    )
    r = run(d, {"xs": [1, 2, 3]})
    assert (r["status"], r.get("error")) == ("FAILED", "States.ExceedToleratedFailureThreshold")


def test_map_distributed_s3_json_reader_result_writer() -> None:
    k = unique("in") + ".json"
    client("s3").put_object(Bucket="conf", Key=k, Body=json.dumps([{"n": i} for i in range(10)]))
    d = single(
        {
            "Type": "Map",
            "MaxConcurrency": 5,
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "conf", "Key": k},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **single({"Type": "Pass"}),
            },
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "conf", "Prefix": "out"},
            },
        }
    )
    r = output_of(d)
    assert "ResultWriterDetails" in r, r
    o = (
        client("s3")
        .get_object(Bucket=r["ResultWriterDetails"]["Bucket"], Key=r["ResultWriterDetails"]["Key"])["Body"]
        .read()
    )
    m = json.loads(o)
    assert "ResultFiles" in m, m


@pytest.mark.xfail(strict=True, reason="no ItemBatcher")
def test_map_distributed_csv_batcher() -> None:
    k = unique("in") + ".csv"
    client("s3").put_object(Bucket="conf", Key=k, Body="a,b\n1,2\n3,4\n5,6\n")
    d = single(
        {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                "Parameters": {"Bucket": "conf", "Key": k},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"z": 1}},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **single({"Type": "Pass"}),
            },
        }
    )
    r = output_of(d)
    assert len(r) == 2
    assert r[0]["Items"][0] == {"a": "1", "b": "2"}
    assert r[0]["BatchInput"] == {"z": 1}


@pytest.mark.xfail(strict=True, reason="no JSONL")
def test_map_distributed_jsonl_reader() -> None:
    k = unique("in") + ".jsonl"
    client("s3").put_object(Bucket="conf", Key=k, Body='{"a":1}\n{"a":2}\n')
    d = single(
        {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSONL"},
                "Parameters": {"Bucket": "conf", "Key": k},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **single({"Type": "Pass"}),
            },
        }
    )
    assert output_of(d) == [{"a": 1}, {"a": 2}]


def test_map_distributed_list_objects_reader() -> None:
    p = unique("pre")
    for i in range(3):
        client("s3").put_object(Bucket="conf", Key=f"{p}/{i}", Body=b"x")
    d = single(
        {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:listObjectsV2",
                "Parameters": {"Bucket": "conf", "Prefix": p},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **single({"Type": "Pass"}),
            },
        }
    )
    assert len(output_of(d)) == 3


@pytest.mark.xfail(strict=True, reason="children of a map run cannot be listed")
def test_map_distributed_maprun_api() -> None:
    a = machine(
        single(
            {
                "Type": "Map",
                "ItemsPath": "$.xs",
                "Label": "lbl",
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    **single({"Type": "Pass"}),
                },
            }
        )
    )
    ex = start(a, {"xs": [1, 2]})
    wait_for(ex)
    mr = client("stepfunctions").list_map_runs(executionArn=ex)["mapRuns"]
    assert len(mr) == 1
    d = client("stepfunctions").describe_map_run(mapRunArn=mr[0]["mapRunArn"])
    assert d["itemCounts"]["succeeded"] == 2
    assert len(client("stepfunctions").list_executions(mapRunArn=mr[0]["mapRunArn"])["executions"]) == 2
