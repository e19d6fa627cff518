"""Names of policies, what they mean, and the files that carry them."""

import json
import os
import re
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reveil import policies
from reveil.candidates import effect_of
from reveil.errors import ReveilError
from reveil.files import write_json
from reveil.policies import Policy
from reveil.rng import generator

plain_names = st.lists(st.integers(0, 49), min_size=1, max_size=3).map(
    lambda member: "-".join(map(str, member))
)


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("none", Policy("none", ((),))),
        ("crop-flip", Policy("crop-flip", ((),), "crop_flip")),
        ("0", Policy("0", ((0,),))),
        ("43-18-18", Policy("43-18-18", ((43, 18, 18),))),
        ("only-3-1-7", Policy("only-3-1-7", ((3, 1, 7),), "policy")),
        ("43-18-18+3-1-7", Policy("3-1-7+43-18-18", ((3, 1, 7), (43, 18, 18)))),
        ("2-43-21+19-15-45", Policy("19-15-45+2-43-21", ((19, 15, 45), (2, 43, 21)))),
        ("only-7+10+3", Policy("only-10+3+7", ((10,), (3,), (7,)), "policy")),
        ("plain-3-1-7", Policy("plain-3-1-7", ((3, 1, 7),))),
        ("plain-43+3-1", Policy("plain-3-1+43", ((3, 1), (43,)))),
    ],
)
def test_parse(name, policy):
    assert policies.parse(name) == policy
    assert policies.canonical(name) == policy.name
    assert policies.augment_of(name) == policy.augment


@given(st.lists(plain_names, min_size=1, max_size=4, unique=True), st.randoms())
def test_the_order_of_members_does_not_matter(members, random):
    shuffled = random.sample(members, len(members))
    policy = policies.parse("+".join(shuffled))
    assert policy == policies.parse("+".join(members))
    assert policy == policies.parse(policy.name)
    assert policies.member_names(policy.name) == tuple(sorted(members))


@pytest.mark.parametrize(
    ("name", "problem", "hint"),
    [
        ("50", "operation 50 is not in the library", None),
        ("3-1-50", "operation 50 is not in the library", None),
        ("9" * 5000, "is not in the library", None),
        ("3--1", "empty operation", "3-1"),
        ("3-1-", "empty operation", "3-1"),
        ("3-1-7+", "empty member", "3-1-7"),
        ("+3-1-7", "empty member", "3-1-7"),
        ("43+3-1-", "empty operation", "3-1+43"),
        ("-1", "no operation", None),
        ("3+-1", "no operation", "3"),
        ("1-2-3-4", "has 4 operations", None),
        ("03", "leading zero", "3"),
        ("only-3-01", "leading zero", "only-3-1"),
        ("3+3", "one member twice", "3"),
        ("", "is empty", None),
        ("nonne", "no policy", "none"),
        ("crop_flip", "no policy", "crop-flip"),
        ("publshed-1", "no policy", "published-1"),
        ("3+none", "'none' is no policy", "none"),
        ("only-none", "'none' is no policy", "none"),
        ("only-", "empty member", None),
        ("plain-", "empty member", None),
        ("plain-none", "'none' is no policy", "none"),
        ("plain-3-01", "leading zero", "plain-3-1"),
        ("plain-crop-flip", "'crop-flip' is no policy", "crop-flip"),
        ("random-11", "'random-11' is no policy", "random-1"),
        (" 3", "no policy", None),
        ("3\n", "no policy", None),
        ("\N{FULLWIDTH DIGIT THREE}", "no policy", None),
    ],
)
def test_bad_names_say_what_is_wrong_and_what_is_meant(name, problem, hint):
    for function in (policies.parse, policies.canonical, policies.role, policies.trained_name):
        with pytest.raises(ReveilError) as caught:
            function(name)
        message = str(caught.value)
        assert message.startswith(f"policy {name!r}: ")
        assert problem in message
        assert "each 0 to 49" in message
        if hint is None:
            assert "did you mean" not in message
        else:
            assert message.endswith(f"did you mean {hint!r}?")


@pytest.mark.parametrize("name", [3, None, ["3"], 3.1])
def test_names_are_texts(name):
    with pytest.raises(ReveilError, match="not a text"):
        policies.parse(name)


def test_hints_are_valid_names():
    for name in ("3--1", "3-1-", "3-1-7+", "03", "3+3", "only-3-01", "00", "43+3-1-"):
        with pytest.raises(ReveilError) as caught:
            policies.parse(name)
        policies.parse(str(caught.value).rsplit("'", 2)[1])


@pytest.mark.parametrize("protocol", ["fixed", "orig2021", "a-b-s1-2"])
def test_found_names(protocol):
    name = policies.found_name(protocol, 12, 2)
    assert name == f"found-{protocol}-s12-2"
    assert policies.parse_searched(name) == ("found", protocol, 12, 2)
    assert policies.parse_searched(name).name == name
    with pytest.raises(ReveilError, match="read its policy file"):
        policies.parse(name)


@pytest.mark.parametrize(
    "name",
    [
        *("found-1", "found-fixed-s0-0", "found-fixed-s01-1", "found--s0-1", "3-1-7", "none"),
        *("passing-1", "passing-fixed-s0-0", "passed-fixed-s0-1"),
    ],
)
def test_names_that_no_search_gives(name):
    assert policies.parse_searched(name) is None


@pytest.mark.parametrize(
    ("protocol", "seed", "rank"), [("Fixed", 0, 1), ("fixed", -1, 1), ("x", 0, 0)]
)
def test_found_name_refuses_what_it_could_not_read_back(protocol, seed, rank):
    with pytest.raises(ReveilError, match="found policy"):
        policies.found_name(protocol, seed, rank)


@pytest.mark.parametrize(
    ("name", "trained", "role"),
    [
        ("none", "none", "none"),
        ("crop-flip", "none", "crop-flip"),
        ("3-1-7", "3-1-7", "3-1-7"),
        ("only-3-1-7", "3-1-7", "only-3-1-7"),
        ("plain-3-1-7", "none", "plain-3-1-7"),
        ("plain-43+3", "none", "plain-3+43"),
        ("plain-found-fixed-s2-2", "none", "plain-found-2"),
        ("passing-fixed-s2-10", "passing-fixed-s2-10", "passing-10"),
        ("plain-passing-fixed-s2-1", "none", "plain-passing-1"),
        (
            "passing-fixed-s2-2+passing-fixed-s2-1",
            "passing-fixed-s2-1+passing-fixed-s2-2",
            "passing-fixed-s2-1+passing-fixed-s2-2",
        ),
        ("43-18-18+3-1-7", "3-1-7+43-18-18", "3-1-7+43-18-18"),
        ("found-fixed-s2-1", "found-fixed-s2-1", "found-1"),
        ("only-found-fixed-s2-2", "found-fixed-s2-2", "only-found-2"),
        (
            "found-fixed-s2-2+found-fixed-s2-1",
            "found-fixed-s2-1+found-fixed-s2-2",
            "found-hybrid",
        ),
    ],
)
def test_trained_name_and_role(name, trained, role):
    assert policies.trained_name(name) == trained
    assert policies.role(name) == role


@pytest.mark.parametrize(
    ("alias", "dataset", "model", "name"),
    [
        ("random", "cifar100", "resnet20-4", "19-1-18"),
        ("published-1", "cifar100", "resnet20-4", "3-1-7"),
        ("published-2", "cifar10", "resnet20-1", "43-18-18"),
        ("published-hybrid", "tiny-imagenet-200", "resnet20-4", "3-1-7+43-18-18"),
        ("published-1", "cifar100", "convnet-9", "21-13-3"),
        ("published-2", "fashion-mnist-demo", "resnet20-4", "2-43-21"),
        ("published-1", "fashion-mnist-demo", "lenetzhu", "19-15-45"),
        ("published-hybrid", "fashion-mnist", "convnet-w16", "14-48-48+42-28-42"),
        ("only-published-1", "cifar100", "resnet20-4", "only-3-1-7"),
        ("only-random", "cifar100", "resnet20-4", "only-19-1-18"),
        ("random-1", "cifar100", "resnet20-4", "41-37-14"),
        ("random-10", "fashion-mnist", "convnet", "7-15-14"),
        ("plain-random-2", "cifar100", "resnet20-4", "plain-17-17-32"),
        ("plain-published-1", "cifar100", "resnet20-4", "plain-3-1-7"),
        ("passing-3", "cifar100", "resnet20-4", "passing-fixed-s7-3"),
        ("only-passing-10", "cifar100", "resnet20-4", "only-passing-fixed-s7-10"),
        ("found-2", "cifar100", "resnet20-4", "found-fixed-s7-2"),
        ("found-hybrid", "cifar100", "convnet", "found-fixed-s7-1+found-fixed-s7-2"),
        ("7-4+3", "cifar100", "convnet", "3+7-4"),
        ("crop-flip", "cifar100", "convnet", "crop-flip"),
    ],
)
def test_aliases(alias, dataset, model, name):
    assert policies.resolve_alias(alias, dataset, model, "fixed", 7) == name


def test_the_random_policies_are_those_of_their_stream():
    drawn = torch.randint(-1, 50, (10, 3), generator=generator(0, "random-policies")).tolist()
    assert ["-".join(map(str, slots)) for slots in drawn] == list(policies.RANDOM_POLICIES)
    assert len({effect_of(name) for name in policies.RANDOM_POLICIES} - {"none", "identity"}) == 10


def test_alias_errors():
    with pytest.raises(ReveilError, match="did you mean 'found-hybrid'"):
        policies.resolve_alias("found-hybrd", "cifar100", "convnet", "fixed", 0)
    with pytest.raises(ReveilError, match="cifar1000"):
        policies.resolve_alias("published-1", "cifar1000", "convnet", "fixed", 0)


@pytest.mark.parametrize("name", ["none", "crop-flip", "only-3-1-7", "3-1-7+43-18-18", "plain-3+7"])
def test_files_round_trip(tmp_path, name):
    policy = policies.parse(name)
    write_json(tmp_path / "policy.json", policies.to_json(policy))
    assert policies.read(tmp_path / "policy.json") == policy


@pytest.mark.parametrize(
    ("name", "members", "augment"),
    [
        ("found-fixed-s0-1", ((3, 1, 7),), None),
        ("found-fixed-s0-1", ((),), None),
        ("only-found-fixed-s0-2", ((4,),), "policy"),
        ("passing-fixed-s0-2", ((4, 1),), None),
        ("plain-found-fixed-s0-2", ((4,),), None),
        ("found-fixed-s0-1+found-fixed-s0-2", ((3,), (3,)), None),
    ],
)
def test_files_of_found_policies_round_trip(tmp_path, name, members, augment):
    policy = Policy(name, members, augment, "search fixed cifar100 convnet seed0")
    write_json(tmp_path / "policy.json", policies.to_json(policy))
    assert policies.read(tmp_path / "policy.json") == policy


GOOD = {"name": "3-1+7", "members": [[3, 1], [7]], "augment": None, "source": "config"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "cannot be read"),
        (json.dumps(GOOD)[:-9], "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        ("[" + "9" * 5000 + "]", "cannot be read"),
        ([], "not a policy"),
        ({**GOOD, "extra": 1}, "not a policy"),
        ({k: v for k, v in GOOD.items() if k != "source"}, "not a policy"),
        ({**GOOD, "name": 3}, "allowed: texts"),
        ({**GOOD, "source": None}, "allowed: texts"),
        ({**GOOD, "name": "7+3-1"}, "did you mean '3-1+7'"),
        ({**GOOD, "name": "3-50"}, "operation 50"),
        ({**GOOD, "members": [[3, 1], [50]]}, "members: "),
        ({**GOOD, "members": [[3, 1], [True]]}, "members: "),
        ({**GOOD, "members": [[3, 1, 2, 4], [7]]}, "members: "),
        ({**GOOD, "members": [[3, 1]]}, "are not those of"),
        ({**GOOD, "members": [[7], [3, 1]]}, "are not those of"),
        ({**GOOD, "members": [3]}, "members: "),
        ({**GOOD, "members": "3-1"}, "members: "),
        ({**GOOD, "augment": "policy"}, "augment: 'policy'"),
        (
            {**GOOD, "name": "found-fixed-s0-1+found-fixed-s0-2", "members": [[3]]},
            "are not those of",
        ),
    ],
)
def test_damaged_files_are_named(tmp_path, content, problem):
    path = tmp_path / "policy.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ReveilError, match=re.escape(problem)) as caught:
        policies.read(path)
    assert str(caught.value).startswith(f"policy file {path}: ")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ReveilError, match="absent.json: cannot be read"):
        policies.read(tmp_path / "absent.json")


def test_planning_does_not_import_torch():
    code = "import sys, reveil.policies; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert run.returncode == 0
