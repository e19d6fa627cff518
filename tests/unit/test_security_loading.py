"""What is loaded how: the syntax of all our code, and real bombs in every file that is read."""

import ast
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from reveil import files, job, lpips
from reveil.config.presets import read_yaml
from reveil.datasets import load_split
from reveil.errors import ReveilError
from reveil.figures.grid import read_pictures
from reveil.models import load_model
from reveil.models.foreign import read_named
from reveil.unir import features
from tests import bombs

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "torch.load",
    "torch.jit.load",
    "torch.package.PackageImporter",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "cPickle.load",
    "dill.load",
    "joblib.load",
    "shelve.open",
    "marshal.load",
    "marshal.loads",
    "pd.read_pickle",
    "pandas.read_pickle",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
    "yaml.full_load",
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "pty.spawn",
    "shutil.unpack_archive",
    "tempfile.mktemp",
}
# By last name, whatever they are called on.
ANYWHERE = {"extractall", "read_pickle", "extract"}
MODULES = {"subprocess", "dill", "joblib", "cloudpickle", "shelve", "marshal", "pty", "commands"}
# File -> what it may call, and why.
ALLOWED = {
    "src/reveil/models/foreign.py": {
        "torch.load": "with weights_only, the unpickler of torch that knows tensors alone",
    },
    "src/reveil/readers/pickles.py": {
        "pickle.Unpickler": "the base of the unpickler that knows four names, all of them ours",
    },
    "src/reveil/config/presets.py": {
        "yaml.load": "with a safe loader, in C where it was built",
    },
    "src/reveil/provenance/source.py": {"subprocess": "git, for the name of the commit"},
    "src/reveil/preload/server.py": {
        "compile": "the script that Snakemake wrote, asked for by its user's socket",
        "exec": "the same, as python script.py would",
    },
    "src/reveil/preload/starting.py": {"subprocess": "our own server, by the path of its file"},
    # No job runs these two packages. Their words are a list, and never a line for a shell.
    "src/reveil/forecast/dryrun.py": {"subprocess": "the dry run, of what the user typed"},
    "src/reveil/supervisor/engine.py": {"subprocess": "Snakemake, with what the user typed"},
    "src/reveil/supervisor/cleaning.py": {"subprocess": "Snakemake, to remove its lock"},
    "src/reveil/supervisor/queue.py": {"subprocess": "squeue and scancel, for runs by their ID"},
}


def sources() -> list[Path]:
    """Return all Python and Snakemake code that runs, tests and benchmarks aside."""
    found = [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")]
    assert len(found) > 300
    return sorted(found)


def name_of(node: ast.expr) -> str:
    """Return ``a.b.c`` for what is called; empty for what has no name."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def wrong_in(source: str, allowed: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield what a source does that can run what a file or a config holds."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            module = getattr(node, "module", None) or ""
            names = [f"{module}.{name}" for name in names] if module else names
            yield from (
                n for n in names if n.split(".")[0] in MODULES - allowed or n in FORBIDDEN - allowed
            )
        if isinstance(node, ast.Name | ast.Attribute):
            name = name_of(node)
            # `torch.compile`, `model.eval` and `re.compile` are other things than the bare names.
            if name in FORBIDDEN - allowed:
                yield name
        if isinstance(node, ast.Call):
            last = name_of(node.func).rpartition(".")[2]
            given = {word.arg: word.value for word in node.keywords}
            # pandas takes texts apart by `.str.extract`.
            pandas = name_of(node.func).endswith(".str.extract")
            if last in ANYWHERE and isinstance(node.func, ast.Attribute) and not pandas:
                yield name_of(node.func)
            if name_of(node.func) in ("np.load", "numpy.load") and not _is(
                given, "allow_pickle", False
            ):
                yield "np.load without allow_pickle=False"
            if name_of(node.func) == "torch.load" and not _is(given, "weights_only", True):
                yield "torch.load without weights_only=True"
            if _is(given, "shell", True) or _is(given, "allow_pickle", True):
                yield f"{name_of(node.func)} with a shell or pickles"


def _is(given: dict[str, ast.expr], key: str, value: bool) -> bool:
    return isinstance(given.get(key), ast.Constant) and given[key].value is value


def test_no_code_of_ours_can_run_what_a_file_holds() -> None:
    found = {}
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        if wrong := list(wrong_in(path.read_text(), frozenset(ALLOWED.get(name, {})))):
            found[name] = wrong
    assert found == {}


def test_no_rule_has_a_shell_command() -> None:
    """All is done by scripts, to which values come as Python objects and never as words."""
    rules = [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk"), ROOT / "workflow/Snakefile"]
    assert len(rules) > 20
    for path in rules:
        words = {line.strip() for line in path.read_text().splitlines()}
        assert not [w for w in words if w.startswith(("shell:", "shell(", "run:", "os.system"))], (
            path
        )


def test_allowed_calls_are_still_made() -> None:
    """A line here that nobody needs any more would allow the next one."""
    for name, calls in ALLOWED.items():
        assert set(wrong_in((ROOT / name).read_text())) >= set(calls), name


@pytest.mark.parametrize(
    "code",
    [
        "torch.load(p)",
        "import torch\ntorch.load(p, weights_only=False)",
        "np.load(p)",
        "np.load(p, allow_pickle=True)",
        "np.load(p, allow_pickle=flag)",
        "np.save(p, x, allow_pickle=True)",
        "import pickle\npickle.loads(b)",
        "from pickle import load",
        "import subprocess",
        "from subprocess import run",
        "run('ls', shell=True)",
        "yaml.load(s, Loader=L)",
        "load = yaml.unsafe_load",
        "eval(text)",
        "map(exec, texts)",
        "archive.extractall(path)",
        "pd.read_pickle(p)",
        "os.system(word)",
    ],
)
def test_the_check_notices(code: str) -> None:
    assert list(wrong_in(code))


def test_the_check_lets_others_pass() -> None:
    code = "model.eval()\nre.compile(p)\ntorch.compile(m)\nnp.load(p, allow_pickle=False)\n"
    assert list(wrong_in(code + "yaml.safe_load(s)\ntables.load(p)\n")) == []


# --- bombs in every file that is read ----------------------------------------------------------


class _Calls:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def torch_zip(path: Path, canary: Path) -> None:
    torch.save({"features.0.weight": _Calls(canary)}, path)


def torch_old(path: Path, canary: Path) -> None:
    torch.save({"a": _Calls(canary)}, path, _use_new_zipfile_serialization=False)


def bare(path: Path, canary: Path) -> None:
    path.write_bytes(bombs.bombs(canary)["os.system, protocol 4"])


def npy(path: Path, canary: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.array([_Calls(canary)], dtype=object), allow_pickle=True)


def npz(path: Path, canary: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, images=np.array([_Calls(canary)], dtype=object))


def torch_script(path: Path, canary: Path) -> None:
    """An archive that says it is TorchScript: loading one can run its code."""
    torch_zip(path, canary)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/constants.pkl", bombs.bombs(canary)["os.system"])


BOMBS = {f.__name__: f for f in (torch_zip, torch_old, torch_script, bare, npy, npz)}
READERS: dict[str, Callable[[Path], object]] = {
    "a checkpoint": load_model,
    "weights of LPIPS": lpips.load,
    "weights of Inception": features.of_inception,
    "foreign weights": lambda path: read_named("key", path),
    "foreign weights, by their name safetensors": lambda path: read_named(
        "key", path.rename(path.with_suffix(".safetensors"))
    ),
    "an archive of pictures": lambda path: read_pictures([path]),
    "an archive of arrays": files.read_npz,
    "images of a dataset": lambda path: load_split(path, path),
}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_one_clear_error_and_runs_nothing(bomb, reader, tmp_path: Path) -> None:
    path, canary = tmp_path / "file", tmp_path / "canary"
    BOMBS[bomb](path, canary)
    assert path.stat().st_size > 50
    with pytest.raises(ReveilError, match="file"):
        READERS[reader](path)
    assert not canary.exists()


def test_the_bombs_are_live(tmp_path: Path) -> None:
    """Loaded carelessly each of them goes off."""
    careless = {
        "torch_zip": lambda path: torch.load(path, weights_only=False),
        "torch_old": lambda path: torch.load(path, weights_only=False),
        "npy": lambda path: np.load(path, allow_pickle=True),
        "npz": lambda path: np.load(path, allow_pickle=True)["images"],
        "bare": lambda path: np.load(path, allow_pickle=True),
    }
    for name, load in careless.items():
        path, canary = tmp_path / name, tmp_path / f"{name}-ran"
        BOMBS[name](path, canary)
        load(path)
        assert canary.exists(), name


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_as_resume_state_is_set_aside(bomb, tmp_path: Path, caplog) -> None:
    state = job.State(tmp_path / "scratch", {"recipe": "a"})
    state.path.parent.mkdir()
    BOMBS[bomb](state.path, tmp_path / "canary")
    assert state.load() is None
    assert "refused: it is damaged" in caplog.text
    assert not (tmp_path / "canary").exists()
    assert list(state.path.parent.glob("refused-*"))


@pytest.mark.parametrize("place", ["tensors", "facts"])
def test_a_changed_state_is_set_aside(place: str, tmp_path: Path, caplog) -> None:
    """Every bit of what a job goes on with counts, and the format checks none of them."""
    state = job.State(tmp_path / "scratch", {"recipe": "a"})
    state.save({"x": torch.arange(4.0)}, {"epoch": 1234})
    content = bytearray(state.path.read_bytes())
    if place == "tensors":
        content[-2] ^= 1
    else:
        content[content.index(b"1234") + 3] ^= 1
    state.path.write_bytes(content)
    assert state.load() is None
    assert "its content is not what was saved" in caplog.text


# --- weights that claim what they do not hold ---------------------------------------------------

FOREIGN = {
    "no tensor": {"a": 7},
    "no names": {3: torch.ones(1)},
    "a list": [torch.ones(1)],
    "nested": {"a": {"b": torch.ones(1)}},
    "a number as often as one likes": {"a": torch.ones(1).expand(10**12)},
    "sparse": {"a": torch.ones(2, 2).to_sparse()},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_no_table_of_tensors_is_refused(case: str, tmp_path: Path) -> None:
    torch.save(FOREIGN[case], tmp_path / "w.pth")
    with pytest.raises(ReveilError, match=r"^key .*w\.pth: cannot be read: (holds no|.*claims)"):
        read_named("key", tmp_path / "w.pth")


def test_compressed_weights_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in plain.namelist():
            packed.writestr(member, plain.read(member))
    with pytest.raises(ReveilError, match="it is compressed"):
        read_named("key", tmp_path / "w.pth")


# --- YAML ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch CANARY']\n",
        "!!python/object/new:type {args: [x, !!python/tuple [], {}]}\n",
        "a: !!python/name:os.system\n",
        "a: !!python/module:os\n",
    ],
)
def test_yaml_makes_plain_values_only(text: str, tmp_path: Path) -> None:
    path, canary = tmp_path / "c.yaml", tmp_path / "canary"
    path.write_text(text.replace("CANARY", str(canary)))
    with pytest.raises(ReveilError, match=r"c\.yaml: is not valid YAML: could not determine a con"):
        read_yaml(path)
    assert not canary.exists()


def test_arrays_of_any_size_may_be_claimed_by_a_header(tmp_path: Path) -> None:
    """The file is mapped: what it does not hold is not made."""
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**9, 1, 64, 64)}
    np.lib.format.write_array_header_1_0(stream, header)
    (tmp_path / "images.npy").write_bytes(stream.getvalue())
    with pytest.raises(ReveilError, match=r"images\.npy: cannot be read as an array"):
        load_split(tmp_path / "images.npy", tmp_path / "images.npy")
