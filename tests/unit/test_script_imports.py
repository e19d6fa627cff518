"""What scripts load as they start: jobs that only draw and count do without what loads slowly."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

from tests.rule_files import rule_bodies

SLOW = ("torch", "scipy.optimize", "scipy.stats")
SCRIPT = re.compile(r'script:\s+"[./]*scripts/(\w+)\.py"')
PLOT = re.compile(r'conda:\s+"[./]*envs/plot\.yaml"')


def test_no_script_of_tables_and_figures_loads_what_loads_slowly(root: Path) -> None:
    bodies = rule_bodies().values()
    names = sorted({SCRIPT.search(body)[1] for body in bodies if PLOT.search(body)})
    assert len(names) > 100
    # One after the other in one process: the first that loads a library is the one to blame.
    program = f"import json, sys\nfirst = {{}}\nslow = {SLOW!r}\n"
    for name in names:
        text = (root / "workflow" / "scripts" / f"{name}.py").read_text(encoding="utf-8")
        nodes = ast.parse(text).body
        program += "".join(
            f"{ast.unparse(node)}\n"
            for node in nodes
            if isinstance(node, ast.Import | ast.ImportFrom)
        )
        program += f"first.update((m, {name!r}) for m in slow if m in sys.modules)\n"
        program += "slow = [m for m in slow if m not in sys.modules]\n"
    program += "print(json.dumps(first))\n"
    words = [
        sys.executable,
        "-c",
        f"import sys\nsys.path.insert(0, {str(root / 'src')!r})\n{program}",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {}
