"""Intrinsics, paths, the context object and variables in JSONPath."""

from local.probes.kit import output_of, single


def test_intrinsics_all() -> None:
    parts = {
        "fmt.$": "States.Format('hi {} {}',$.n,$.s)",
        "u.$": "States.UUID()",
        "m.$": "States.JsonMerge($.a,$.b,false)",
        "h.$": "States.Hash('abc','SHA-256')",
        "arr.$": "States.Array(1,2,$.n)",
        "part.$": "States.ArrayPartition($.xs,2)",
        "cont.$": "States.ArrayContains($.xs,2)",
        "rng.$": "States.ArrayRange(1,5,2)",
        "get.$": "States.ArrayGetItem($.xs,1)",
        "len.$": "States.ArrayLength($.xs)",
        "un.$": "States.ArrayUnique($.dup)",
        "e.$": "States.Base64Encode('x')",
        "d.$": "States.Base64Decode('eA==')",
        "p.$": "States.StringToJson($.js)",
        "j.$": "States.JsonToString($.a)",
        "add.$": "States.MathAdd($.n,-1)",
        "rnd.$": "States.MathRandom(1,3)",
        "sp.$": "States.StringSplit('a,b',',')",
        "nest.$": "States.Format('{}',States.ArrayLength($.xs))",
    }
    r = output_of(
        single({"Type": "Pass", "Parameters": parts}),
        {"n": 5, "s": "z", "a": {"k": 1}, "b": {"l": 2}, "xs": [1, 2, 3], "dup": [1, 1, 2], "js": '{"q":1}'},
    )
    u = r.pop("u")
    assert len(u) == 36
    rnd = r.pop("rnd")
    assert rnd in (1, 2, 3)
    un = r.pop("un")
    assert sorted(un) == [1, 2]
    assert r == {
        "fmt": "hi 5 z",
        "m": {"k": 1, "l": 2},
        "h": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "arr": [1, 2, 5],
        "part": [[1, 2], [3]],
        "cont": True,
        "rng": [1, 3, 5],
        "get": 2,
        "len": 3,
        "e": "eA==",
        "d": "x",
        "p": {"q": 1},
        "j": '{"k":1}',
        "add": 4,
        "sp": ["a", "b"],
        "nest": "3",
    }


def test_jsonpath_filters() -> None:
    r = output_of(
        single(
            {"Type": "Pass", "Parameters": {"f.$": "$.xs[?(@.a > 1)].b", "s.$": "$.xs[-1:]", "d.$": "$..b"}}
        ),
        {"xs": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
    )
    assert r == {"f": ["y"], "s": [{"a": 2, "b": "y"}], "d": ["x", "y"]}


def test_context_object() -> None:
    r = output_of(single({"Type": "Pass", "Parameters": {"c.$": "$$"}}), {"q": 1})["c"]
    assert {"Execution", "State", "StateMachine"} <= set(r), r.keys()
    assert {"Id", "Input", "Name", "RoleArn", "StartTime"} <= set(r["Execution"]), r["Execution"]
    assert {"EnteredTime", "Name"} <= set(r["State"]), r["State"]


def test_vars_assign_jsonpath() -> None:
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": {"Type": "Pass", "Assign": {"v.$": "$.x", "w": {"k.$": "$.x"}}, "Next": "M"},
                "M": {
                    "Type": "Parallel",
                    "Branches": [single({"Type": "Pass", "Parameters": {"o.$": "$v", "p.$": "$w.k"}})],
                    "End": True,
                },
            },
        },
        {"x": "q"},
    )
    assert r == [{"o": "q", "p": "q"}]
