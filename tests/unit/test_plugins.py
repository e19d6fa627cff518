"""Plug-in files: their names read without running them, run in jobs, and every mistake told."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from reveil import config, models
from reveil.config import standing
from reveil.errors import ReveilError
from reveil.job import Job
from reveil.plugins import calling, known, reading
from tests.guides import write_examples
from tests.plugging import forget, use, written
from tests.workflow import ROOT


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget()


# --- names, read ----------------------------------------------------------------------------------


def test_names_are_read_without_running_the_file(tmp_path: Path) -> None:
    code = f"""
open({str(tmp_path / "ran")!r}, "w")
import no_such_module
@model("a-net")
def build(channels, size, classes): ...
@policy("b", study="unir", parameters={{"p": [1, 2.5, None]}})
class Measure: ...
@defence("c")
@defence("d", parameters={{"s": 1}})
def apply(gradients, generator): ...
"""
    found = {one.key: one for one in reading.read(written(tmp_path, code))}
    assert list(found) == [
        ("model", "ats", "a-net"),
        ("policy", "unir", "b"),
        ("defence", "", "c"),
        ("defence", "", "d"),
    ]
    assert found["policy", "unir", "b"].parameters == {"p": [1, 2.5, None]}
    assert found["model", "ats", "a-net"].line == 5
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "head",
    [
        "from reveil import plugins\n@plugins.model('x')",
        "import reveil.plugins\n@reveil.plugins.model('x')",
        "import reveil.plugins as p\n@p.model('x')",
        "from reveil.plugins import model as network\n@network('x')",
    ],
)
def test_decorators_are_found_under_any_import(tmp_path: Path, head: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(head + "\ndef build(channels, size, classes): ...\n")
    assert [one.name for one in reading.read(path)] == ["x"]


FORMS = {
    "no decorator": ("def f(): ...", "mine.py: registers nothing; allowed: a file with one of"),
    "a name that is no literal": ("n = 'x'\n@model(n)\ndef f(): ...", "line 3: name: n is not all"),
    "a name with capitals": ("@model('My')\ndef f(): ...", "line 2: name: 'My' is not allowed"),
    "a name with an underscore": ("@model('a_b')\ndef f(): ...", "line 2: name: 'a_b' is not all"),
    "no name": ("@model()\ndef f(): ...", "line 2: model: the name is missing"),
    "no call": ("@model\ndef f(): ...", "line 2: a plug-in registers by decorators with a name"),
    "a call aside": ("model('x')(len)", "line 2: a plug-in registers by decorators with a name"),
    "no call below another": (
        "import functools\n@functools.cache\n@model\ndef f(): ...",
        "line 4: a plug-in registers by decorators with a name",
    ),
    "what no job can be told": (
        "@defence('x', parameters={'a': {1, 2}})\ndef f(): ...",
        "line 2: parameters: {'a': {1, 2}} is not allowed; allowed: a literal of numbers, texts",
    ),
    "not at the top": (
        "def g():\n    @model('x')\n    def f(): ...",
        "line 3: a plug-in registers by decorators",
    ),
    "an unknown argument": (
        "@defence('x', parameter={})\ndef f(): ...",
        "line 2: argument: 'parameter' is not allowed; allowed: name, parameters; did you mean",
    ),
    "an unknown study": (
        "@attack('x', study='unr')\ndef f(): ...",
        "line 2: study: 'unr' is not allowed; allowed: ats, cvnn, unir; did you mean 'unir'",
    ),
    "twice": (
        "@model('x')\ndef f(): ...\n@model('x')\ndef g(): ...",
        "line 4: model 'x' is registered on line 2 already",
    ),
    "a dataset without counts": (
        "@dataset('x', classes=2, size=28, channels=1)\ndef f(): ...",
        "line 2: train: None is not allowed; allowed: a whole number from 1",
    ),
    "two channels": (
        "@dataset('x', classes=2, size=28, channels=2, train=9, test=9)\ndef f(): ...",
        "line 2: channels: 2 is not allowed; allowed: 1 or 3",
    ),
    "a mean of other channels": (
        "@dataset('x', classes=2, size=28, channels=3, train=9, test=9, mean=[0.5])\ndef f(): ...",
        "line 2: mean: [0.5] is not allowed; allowed: a number from 0 to 1 for each channel",
    ),
    "no Python": ("def f(:\n", "line 2: SyntaxError: "),
}


@pytest.mark.parametrize("case", FORMS)
def test_a_mistake_in_the_form_is_told_with_file_and_line(tmp_path: Path, case: str) -> None:
    code, told = FORMS[case]
    with pytest.raises(ReveilError) as error:
        reading.read(written(tmp_path, code + "\n"))
    assert told in str(error.value)
    assert str(error.value).startswith("mine.py")


def test_the_digest_is_of_the_syntax_and_of_helpers_beside_the_file(tmp_path: Path) -> None:
    code = "from . import helper\n@model('x')\ndef build(channels, size, classes): ...\n"
    (tmp_path / "helper.py").write_text("A = 1\n")
    (tmp_path / "aside.py").write_text("A = 1\n")
    before = reading.read(written(tmp_path, code))[0].digest
    (tmp_path / "aside.py").write_text("A = 2\n")
    assert reading.read(written(tmp_path, code + "# a remark\n"))[0].digest == before
    (tmp_path / "helper.py").write_text("A = 2\n")
    assert reading.read(written(tmp_path, code))[0].digest != before


def test_the_digest_is_of_the_packages_on_the_way_to_a_helper(tmp_path: Path) -> None:
    code = "from .inner.deep import A\n@model('x')\ndef build(channels, size, classes): ...\n"
    (tmp_path / "inner").mkdir()
    for name in ("__init__.py", "deep.py"):
        (tmp_path / "inner" / name).write_text("A = 1\n")
    found = [reading.read(written(tmp_path, code))[0].digest]
    for name in ("__init__.py", "deep.py"):
        (tmp_path / "inner" / name).write_text("A = 2\n")
        found.append(reading.read(written(tmp_path, code))[0].digest)
    assert len(set(found)) == 3


def test_the_digest_does_not_depend_on_the_version_of_python() -> None:
    """A job may run in an environment of its own; later versions have more fields, empty here."""
    tree = ast.parse("def f(a): return a\n")
    before = reading._syntax(tree)
    (function,) = tree.body
    function._fields, function.later = (*function._fields, "later"), []
    assert reading._syntax(tree) == before
    function.later = [ast.parse("A").body[0]]
    assert reading._syntax(tree) != before


def test_jobs_get_the_parameters_that_the_plan_has(tmp_path: Path) -> None:
    use(tmp_path, "@defence('x', parameters={'a': (3, 3), 'b': None})\ndef f(): ...\n")
    (planned,) = known.every()
    (told,) = json.loads(known.environment()[known.VARIABLE])
    assert known.Declared(**told) == planned
    assert planned.parameters == {"a": [3, 3], "b": None}


# --- the configuration ----------------------------------------------------------------------------


def told(folder: Path, code: str, **changes: object) -> list[str]:
    papers = config.read_yaml(ROOT / "config.yaml")
    plugins = {"plugins": [str(written(folder, code))]}
    return config.check(config.merge(papers, {**plugins, **changes}), ROOT)


TAKEN = {
    "a network": ("@model('convnet-w16')", "model 'convnet-w16' is not allowed: a network here"),
    "a private network": ("@model('vgg16')", "model 'vgg16' is not allowed: a network here has"),
    "a dataset": (
        "@dataset('cifar10', classes=2, size=28, channels=1, train=9, test=9)",
        "dataset 'cifar10' is not allowed: a dataset here has the name",
    ),
    "a folder": (
        "@dataset('folder-a', classes=2, size=28, channels=1, train=9, test=9)",
        "dataset 'folder-a' is not allowed: names with folder- are those of folders",
    ),
    "a policy": ("@policy('crop-flip')", "policy 'crop-flip' is not allowed: a policy here has"),
    "operations": ("@policy('3-1-7')", "policy '3-1-7' is not allowed: a policy here has"),
    "a prefix": ("@policy('only-x')", "names of policies have only- and plain- before others"),
    "a defence": ("@defence('prune-70')", "defence 'prune-70' is not allowed: a defence here has"),
    "a recipe's part": ("@defence('a-with-b')", "names of recipes have -with- and -after-"),
    "a preset": ("@attack('inversed')", "attack 'inversed' is not allowed: a preset of config/att"),
    "a method": ("@attack('lbfgs')", "attack 'lbfgs' is not allowed: a preset of config/attacks"),
    "an operator": ("@policy('identity', study='unir')", "a preset of config/operators, or a meth"),
    "nothing": ("@defence('none')", "defence 'none' is not allowed: it has a meaning of its own"),
    "a key": (
        "@attack('x', parameters={'iterations': 3})",
        "parameter 'iterations' is a key of attacks already",
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_name_that_is_taken_is_told_with_file_and_line(tmp_path: Path, case: str) -> None:
    code, message = TAKEN[case]
    (said,) = told(tmp_path, code + "\ndef f(): ...\n")
    assert said.startswith("plugins[0]: mine.py, line 2: ")
    assert message in said


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    papers = config.read_yaml(ROOT / "config.yaml")
    (said,) = config.check({**papers, "plugins": ["no/such.py"]}, ROOT)
    assert said.startswith("plugins[0]: such.py: cannot be read: No such file or directory")


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("results/tiny/x.csv", "results"),
        ("docs/../results/x.py", "results"),
        ("logs/tiny/x.py", "logs"),
        ("resources/downloads/x.gz", "resources/downloads"),
    ],
)
def test_no_file_that_others_sent_is_run(path: str, folder: str) -> None:
    """The configuration of an unpacked bundle may name what was unpacked with it."""
    papers = config.read_yaml(ROOT / "config.yaml")
    (said,) = config.check({**papers, "plugins": [path]}, ROOT)
    assert f"lies below {folder}, where files of others are put" in said


def test_two_files_with_one_name_are_told(tmp_path: Path) -> None:
    code = "@model('x')\ndef f(): ...\n"
    paths = [str(written(tmp_path, code, name)) for name in ("a.py", "b.py")]
    papers = config.read_yaml(ROOT / "config.yaml")
    (said,) = config.check({**papers, "plugins": paths}, ROOT)
    assert said == "plugins[1]: b.py, line 2: model 'x' is that of a.py, line 2 already"


THINGS = """
@model('small-net')
def build(channels, size, classes): ...
@policy('cutout')
def apply(images, streams): ...
@attack('my-attack', parameters={'steps': 3, 'rate': 0.1})
def reconstruct(*a, **k): ...
@defence('clip-1')
def clip(gradients, generator): ...
@dataset('stripes', classes=4, size=28, channels=1, train=2000, test=1000)
def load(split): ...
"""
SECTION = {
    "models": ["small-net"],
    "policies": ["none", "crop-flip", "cutout", "3-1-7+cutout", "only-cutout"],
    "attacks": ["my-attack", "mine"],
    "defences": ["none", "clip-1"],
    "datasets": ["stripes"],
}
MINE = {"mine": {"base": "my-attack", "parameters": {"steps": 5}}}


def test_names_of_plugins_stand_wherever_names_do(tmp_path: Path) -> None:
    recipes = {"full-clipped": {"base": "full", "defence": "clip-1"}}
    assert told(tmp_path, THINGS, attacks=MINE, recipes=recipes, studies={"ats": SECTION}) == []
    papers = config.merge(config.read_yaml(ROOT / "config.yaml"), {"attacks": MINE})
    assert config.resolve_attack(papers, ROOT, "mine")["parameters"] == {"steps": 5, "rate": 0.1}
    assert config.resolve_attack(papers, ROOT, "my-attack")["method"] == "my-attack"
    assert "parameters" not in config.resolve_attack(papers, ROOT, "inversed")


@pytest.mark.parametrize(
    ("part", "name", "hint"),
    [
        ("models", "smal-net", "small-net"),
        ("policies", "cut-out", "cutout"),
        ("attacks", "my-atack", "my-attack"),
        ("defences", "clip-2", "clip-1"),
        ("datasets", "stripe", "stripes"),
    ],
)
def test_the_nearest_name_may_be_that_of_a_plugin(
    tmp_path: Path, part: str, name: str, hint: str
) -> None:
    found = told(tmp_path, THINGS, studies={"ats": {**SECTION, "attacks": ["my-attack"]}} | {})
    assert found == []
    section = {**SECTION, "attacks": ["my-attack"]}
    section[part] = [*section[part], name]
    found = told(tmp_path, THINGS, studies={"ats": section})
    assert any(f"did you mean {hint!r}?" in message for message in found), found


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        (
            {"base": "my-attack", "parameters": {"stps": 1}},
            "attacks.mine.parameters.stps: unknown key; allowed here: steps, rate; did you",
        ),
        (
            {"base": "my-attack", "parameters": {"steps": "many"}},
            "attacks.mine.parameters.steps: 'many' is not allowed; allowed: values like the",
        ),
        (
            {"base": "my-attack", "parameters": {"steps": True}},
            "attacks.mine.parameters.steps: True is not allowed; allowed: values like the",
        ),
        (
            {"base": "inversed", "parameters": {"steps": 1}},
            "attacks.mine.parameters: has no effect, as what the preset builds on",
        ),
    ],
)
def test_parameters_of_a_preset_are_those_of_its_plugin(
    tmp_path: Path, preset: dict, message: str
) -> None:
    found = told(tmp_path, THINGS, attacks={"mine": preset})
    assert [said for said in found if said.startswith(message)], found


def test_an_attack_that_must_know_draws_is_refused_on_a_policy_of_a_plugin(tmp_path: Path) -> None:
    section = {**SECTION, "attacks": ["inversed-aware", "inversed-translation"]}
    found = " ".join(told(tmp_path, THINGS, studies={"ats": section}))
    assert "'aware' is not allowed for the policy 'cutout', whose plug-in does not tell" in found
    assert "bounds: 'policy' is not allowed for the policy 'cutout'" in found
    told_of = "class Cutout:\n def apply(s, i, t): ...\n def draws(s, f): ...\n"
    told_of += " def seen(s, v, d): ...\n def reach(s, z): ...\n"
    things = THINGS.replace("def apply(images, streams): ...\n", told_of)
    assert "cutout" not in " ".join(told(tmp_path, things, studies={"ats": section}))
    # Images that are stretched after the policy are not what the plug-in speaks of.
    orig = {"recipes": {"full": {"fmnist_pipeline": "orig"}}}
    section["datasets"] = ["fashion-mnist"]
    section["attacks"] = ["inversed", "zhu", *section["attacks"]]
    found = told(tmp_path, things, studies={"ats": section}, **orig)
    assert {said.split(" for the policy ")[1].split()[0] for said in found if "cutout" in said} == {
        "'only-cutout'"
    }
    assert sum("stretches images after the policy" in said for said in found) == 2
    # In an experiment, too.
    rows = [{"policies": ["only-cutout"], "attacks": ["inversed-aware"]}]
    place = {"protocol": "fixed", "places": ["fashion-mnist/lenetzhu"]}
    named = {"ats-exp01": {"runs": {"ours": place, "published": place}, "rows": rows}}
    there = {"targets": ["ats-exp01"], "datasets": ["fashion-mnist"], "models": ["lenetzhu"]}
    for more, told_of in (({}, False), (orig, True)):
        studies = {"ats": {"experiments": there}}
        found = told(tmp_path, things, studies=studies, experiments=named, **more)
        assert any("stretches images after the policy" in said for said in found) == told_of, found


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def draws(s, f): ...", "the body of class C has no method apply(self, images, streams)"),
        (
            "def apply(s, i, t): ...\n def seen(s, v, d): ...",
            "the body of class C has seen and no draws;",
        ),
        (
            "def apply(s, i, t): ...\n def draws(s, f): ...",
            "the body of class C has draws and no seen;",
        ),
    ],
)
def test_a_class_of_a_policy_says_what_it_lacks(tmp_path: Path, body: str, message: str) -> None:
    found = told(tmp_path, f"@policy('cut')\nclass C:\n {body}\n")
    assert any(f"mine.py, line 3: {message}" in said for said in found), found


STUDIES = """
@policy('dimmed', study='unir')
class Dimmed: ...
@policy('dropped', study='cvnn')
@attack('smooth', study='unir')
@attack('mean', study='cvnn')
def f(): ...
"""
ATS = {"dataset": "fashion-mnist", "model": "lenetzhu", "policy": "none", "recipe": "full"}
CVNN = ATS | {"model": "resnet20-alpha", "recipe": "cvnn"}
UNIR = ATS | {"model": "unet", "policy": "identity", "recipe": "unir"}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (ATS, set()),
        (ATS | {"study": "ats", "attack": "inversed", "defence": "none"}, set()),
        (ATS | {"dataset": "stripes", "model": "small-net"}, {"stripes", "small-net"}),
        (ATS | {"policy": "3-1-7+cutout"}, {"cutout"}),
        (ATS | {"policy": "only-cutout"}, {"cutout"}),
        (ATS | {"recipe": "full-clipped"}, {"clip-1"}),
        (ATS | {"recipe": "full-with-clip-1", "defence": "clip-1"}, {"clip-1"}),
        (ATS | {"study": "ats", "attack": "mine"}, {"my-attack"}),
        (CVNN | {"policy": "dropped-less"}, {"dropped"}),
        (CVNN | {"study": "cvnn", "attack": "mean"}, {"mean"}),
        (UNIR | {"policy": "darker"}, {"dimmed"}),
        (UNIR | {"recipe": "unir-assumed"}, {"dimmed"}),
        (UNIR | {"model": "none", "recipe": "none", "policy": "dimmed"}, {"dimmed"}),
        (UNIR | {"study": "unir", "attack": "smooth"}, {"smooth"}),
        ({"dataset": "stripes"}, {"stripes"}),
        ({"experiment": "ats-exp01"}, set()),
    ],
)
def test_a_job_stands_on_the_plugins_that_its_names_mean(
    tmp_path: Path, named: dict[str, str], expected: set[str]
) -> None:
    use(tmp_path, THINGS + STUDIES)
    changes = {
        "attacks": MINE,
        "protections": {"dropped-less": {"base": "dropped"}},
        "operators": {"darker": {"base": "dimmed"}},
        "recipes": {
            "full-clipped": {"base": "full", "defence": "clip-1"},
            "unir-assumed": {"base": "unir", "reconstruction": {"assumed": "darker"}},
        },
    }
    papers = config.merge(config.read_yaml(ROOT / "config.yaml"), changes)
    found = {one.name for one in standing.behind(papers, ROOT, named) if one is not None}
    assert found == expected
    assert bool(standing.digest_behind(papers, ROOT, named)) == bool(expected)


def test_other_processes_learn_of_plugins_from_the_environment(tmp_path: Path) -> None:
    use(tmp_path, THINGS)
    code = (
        "from reveil import datasets; from reveil.plugins import known; import sys; "
        "print(known.network('small-net').line, datasets.get('stripes').counts['test'], "
        "'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src"), **known.environment()},
        check=True,
    )
    assert done.stdout.split() == ["3", "1000", "False"]


# --- files, run -----------------------------------------------------------------------------------


def test_a_file_is_run_once_with_its_helpers(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("VALUE = 7\n")
    code = """
from . import helper
with open(__file__ + ".runs", "a") as stream:
    stream.write("x")
@defence("a")
@defence("b", parameters={"add": 1})
def apply(gradients, generator, add=0):
    return [g + helper.VALUE + add for g in gradients]
"""
    use(tmp_path, code)
    paths = list(sys.path)
    found = [known.find("defence", name) for name in "ab"]
    made = [calling.call(one, [torch.zeros(1)], None, **one.parameters)[0].item() for one in found]
    assert made == [7, 8]
    assert (tmp_path / "mine.py.runs").read_text() == "x"
    assert sys.path == paths
    assert not (tmp_path / "__pycache__" / "mine.cpython-311.pyc").exists()


def test_a_file_that_changed_since_the_plan_is_refused(tmp_path: Path) -> None:
    use(tmp_path, "@defence('a')\ndef f(gradients, generator): return gradients\n")
    written(tmp_path, "@defence('a')\ndef f(gradients, generator): return gradients * 2\n")
    with pytest.raises(ReveilError, match=r"mine\.py: was changed since the run was planned"):
        calling.load(known.find("defence", "a"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0\n", "plug-in mine.py, line 2, while it was loaded: ZeroDivisionError: division by"),
        ("import no_such_module\n", "line 2, while it was loaded: ModuleNotFoundError: No module"),
        ("del defence\nfrom reveil.plugins import defence\n", ""),
    ],
)
def test_what_goes_wrong_while_a_file_is_run_is_its_own(
    tmp_path: Path, code: str, message: str
) -> None:
    use(tmp_path, code + "@defence('a')\ndef f(gradients, generator): return gradients\n")
    if not message:
        assert calling.load(known.find("defence", "a"))
        return
    with pytest.raises(calling.PluginError) as error:
        calling.load(known.find("defence", "a"))
    assert message in str(error.value)
    assert str(error.value).endswith("(your file, not reveil)")


def test_a_job_ends_with_one_line_and_its_log_has_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever their code is called: here a network's forward pass, far from any check."""
    # A job is a process of its own.
    monkeypatch.setattr(calling, "_RUN", set())
    use(
        tmp_path,
        """
from torch import nn
class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.last = nn.Linear(64, classes)
    def forward(self, x):
        if len(x) == 5:
            raise KeyError("five\\nand more")
        return self.last(x.flatten(1))
@model("net")
def build(channels, size, classes):
    return Net(classes)
""",
    )
    network = models.build("net", 1, 8, 3, seed=0)
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as ended, Job("train", str(log)) as job:
        assert job.provenance()["plugins"].keys() == {"mine.py"}
        network(torch.zeros(5, 1, 8, 8))
    assert ended.value.code == 1
    last = log.read_text().splitlines()[-1]
    message = "error: plug-in mine.py, line 10, in forward: KeyError: 'five\\nand more' (your file"
    assert message in last
    assert 'raise KeyError("five' in log.read_text()
    assert "reveil/job.py" not in log.read_text()


def test_the_examples_of_the_guides_are_read(tmp_path: Path) -> None:
    names = [one.key for file in write_examples(tmp_path) for one in reading.read(tmp_path / file)]
    assert len(names) == 15
    assert {kind for kind, *_ in names} == set(known.KINDS)
    for kind in known.OF_STUDY:
        assert {study for each, study, _ in names if each == kind} == set(known.STUDIES)
