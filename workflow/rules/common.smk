# The checked config, the wildcards, and how names become values: what all stages lean on.

import gc
import inspect
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# A graph of thousands of jobs is made of objects that stay: looking through them again and again
# for garbage takes a tenth of the planning.
gc.set_threshold(200_000, 50, 1000)

ROOT = Path(workflow.current_basedir).parent.parent
sys.path.insert(0, str(ROOT / "src"))

from reveil import cards, front, indices, policies
from reveil import config as settings
from reveil.cvnn import names as private_names
from reveil.config import standing
from reveil.cvnn import protections
from reveil.datasets import DATASETS
from reveil.digest import code_digest, data_digest, file_digest, script_digest
from reveil.errors import ReveilError
from reveil.plugins import known as plugins
from reveil.unir import names as generator_names
from reveil.verdicts import criteria, registry
from reveil.verdicts.cuts import cuts

try:
    settings.validate(config, ROOT)
except ReveilError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    run=re.escape(config["run"]),
    study="ats|cvnn|unir",
    protocol="[a-z0-9-]+",
    dataset="|".join(DATASETS),
    model="[a-z0-9-]+",
    policy="[a-z0-9+-]+",
    recipe="[a-z0-9-]+",
    seed="[0-9]+",
    attack="[a-z0-9-]+",
    defence="[a-z0-9-]+",
    block="[0-9]{5}-[0-9]{5}",
    experiment="[a-z0-9-]+",
    list="[a-z0-9-]+",
    repeats="[0-9]+",


# What each model is trained as follows from its name.
PRIVATE_MODELS = private_names.pattern()
GENERATORS = generator_names.pattern()
MODELS = f"(?!(?:{PRIVATE_MODELS}|{GENERATORS}|none)[/.])[a-z0-9-]+"


def code_of(script, *, runs_plugins=True):
    """Return the digest of all that a script stands on: Snakemake watches the script alone.

    With plug-ins it is a function of the wildcards, which may name something of one; but for jobs
    that write the name down and run nothing of it.
    """
    ours = script_digest(ROOT / f"workflow/scripts/{script}.py")
    if not (runs_plugins and plugins.every()):
        return ours

    def code(wildcards):
        theirs = plugged(tuple(sorted(wildcards.items())))
        return data_digest([ours, theirs]) if theirs else ours

    # Of no name in the rules, see planning.smk.
    code.__signature__ = inspect.signature(code)
    return code


@cache
def plugged(named):
    return standing.digest_behind(config, ROOT, dict(named))


@cache
def protocol(name):
    return settings.resolve_protocol(config, ROOT, name)


@cache
def recipe(name, dataset, model):
    """Return the recipe of a model, without the keys that only models of other studies have."""
    return settings.training_recipe(config, ROOT, name, dataset, model)


@cache
def attack(name):
    return settings.resolve_attack(config, ROOT, name)


@cache
def protection(name):
    return protections.to_json(settings.resolve_protection(config, ROOT, name))


@cache
def feature_attack(name):
    return settings.resolve_feature_attack(config, ROOT, name)


def recipe_of(wildcards):
    return recipe(wildcards.recipe, wildcards.dataset, wildcards.model)


def attack_switches(wildcards):
    """Return what the rows of an attack depend on, whatever the images."""
    switches = protocol(wildcards.protocol)
    return {
        "scene": switches["scene"],
        "attacker": switches["attacker"],
        "attack": attack(wildcards.attack),
        "reference": switches["judge"]["psnr_reference"],
        "recipe": recipe_of(wildcards),
    }


def search_recipe(wildcards):
    name = protocol(wildcards.protocol)["recipes"]["tiny"]
    return recipe(name, wildcards.dataset, wildcards.model)


def block_names(count, size):
    """Return the names of the blocks that hold `count` things, `size` in each."""
    starts = range(0, count, size)
    return [f"{first:05d}-{min(first + size, count) - 1:05d}" for first in starts]


def searches_behind(wildcards):
    """Return the selections that the searched members of a policy are read from."""
    members = policies.member_names(wildcards.policy)
    files = {"found": "selected", "passing": "passing"}
    return sorted(
        {
            f"results/{wildcards.run}/ats/search/{searched.protocol}/{wildcards.dataset}/"
            f"{wildcards.model}/seed{searched.seed}/{files[searched.kind]}.csv"
            for searched in filter(None, map(policies.parse_searched, members))
        }
    )


def candidate_blocks(wildcards):
    count = protocol(wildcards.protocol)["search"]["candidates"]
    return block_names(count, config["studies"]["ats"]["candidate_block"])


def tiny_weights(wildcards):
    name = protocol(wildcards.protocol)["recipes"]["tiny"]
    return expand(rules.train_model.output.weights, policy="none", recipe=name, allow_missing=True)


@cache
def weights_under(policy):
    """Return the pattern of the weights of models trained for a policy that is attacked."""
    weights = str(rules.train_model.output.weights)
    return [weights.replace("{policy}", policies.trained_name(policy))]


def attacked_weights(wildcards):
    return weights_under(wildcards.policy)


def search_switches(*keys):
    """Return a function from wildcards to some switches of the protocol's search."""
    return lambda w: {key: protocol(w.protocol)["search"][key] for key in keys}


def scoring_switches(wildcards):
    """Return the switches that a score depends on, and none of those that judge it afterwards."""
    search = protocol(wildcards.protocol)["search"]
    s_acc = {key: search["s_acc"][key] for key in ("images", "inits", "init_count", "dedup")}
    return {"s_pri": search["s_pri"], "s_acc": s_acc}


def growing(amount):
    """Return a resource that grows with every retry: by as much as the first try had.

    `amount` is a number or a function of the wildcards.
    """

    def grown(wildcards, attempt):
        return (amount(wildcards) if callable(amount) else amount) * attempt

    # Of no name in the rules, see planning.smk.
    grown.__signature__ = inspect.signature(grown)
    return grown


# How to compute, never what: resources travel to cluster jobs and trigger no rerun.
COMPUTE = config["compute"]
DEVICE = str(COMPUTE["device"])
CHUNK = str(COMPUTE["chunk"])
GPU = 0 if DEVICE == "cpu" else 1
STATE_SECONDS = str(COMPUTE["state_seconds"])

# Without a word on the command line a machine gives a GPU to one job at a time, and starts as many
# jobs as it has GPUs. A cluster, which has nodes and not cores, knows by itself.
CARDS = len(cards.visible())
if GPU and CARDS and "gpu" not in workflow.global_resources and not workflow.nodes:
    workflow.register_resource("gpu", CARDS)

# The path travels as a resource; what results depend on is the content.
LPIPS_WEIGHTS = config["datasets"]["lpips_weights"]
LPIPS_DIGEST = file_digest(ROOT / LPIPS_WEIGHTS) if LPIPS_WEIGHTS else ""
