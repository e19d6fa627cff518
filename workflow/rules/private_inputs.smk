# What the jobs on private networks depend on.

from reveil.cvnn.keeping import attacker_mib
from reveil.cvnn.methods import MODULES


def attacker_switches(wildcards):
    """Return what an attacker on features learns from."""
    attack = feature_attack(wildcards.attack)
    return {
        "features": protocol(wildcards.protocol)["features"],
        "attack": attack,
        "inner": feature_attack(attack["inner"]) if used_by(attack) else None,
        "recipe": recipe_of(wildcards),
    }


def feature_switches(wildcards):
    """Return what the rows of an attack on features depend on, whatever the images."""
    images = protocol(wildcards.protocol)["scene"]["images"]
    return {"scene": {"images": images}, **attacker_switches(wildcards)}


def used_by(attack):
    """Return the keys of an attack that name another one."""
    return ["inner"] if attack["method"] in ("infer", "knn") else []


def inner_attacker(wildcards):
    """Return the trained attacker that an inference attack builds on, if it does on any."""
    attack = feature_attack(wildcards.attack)
    if not used_by(attack):
        return []
    names = {**dict(wildcards.items()), "attack": attack["inner"]}
    return rules.train_attacker.output.weights.format(**names)


def method_code(wildcards):
    """Return the digest of the modules of an attack, which are imported by the method's name."""
    return method_digest(wildcards.attack)


@cache
def method_digest(name):
    attack = feature_attack(name)
    methods = [attack["method"]]
    if used_by(attack):
        methods.append(feature_attack(attack["inner"])["method"])
    # Of a plug-in the digest is in that of the script.
    ours = [MODULES[method] for method in methods if method in MODULES]
    return code_digest(*(f"reveil.cvnn.attackers.{module}" for module in ours))


def training_memory(wildcards):
    """Return the megabytes of a job that holds a training split, up to three times over."""
    dataset = DATASETS[wildcards.dataset]
    split = dataset.counts["train"] * dataset.channels * dataset.size**2 / 2**20
    return 8000 + round(3 * split)


def attacker_memory(wildcards):
    """Return the megabytes of an attacker with his own images, and what he keeps of them."""
    return 8000 + attacker_mib(DATASETS[wildcards.dataset])


def guess_memory(wildcards):
    """Return the megabytes of a job of guesses: those who look own images up have them again."""
    looks_up = feature_attack(wildcards.attack)["method"] == "knn"
    return attacker_memory(wildcards) if looks_up else 8000


def minutes(base):
    """Return the minutes of a job on a dataset, ``base`` of them on one no larger than a CIFAR.

    In proportion to the pixels of the training split, but six times as many at most: what large
    images take depends more on the device than on the rule.
    """

    def runtime(wildcards):
        dataset = DATASETS[wildcards.dataset]
        pixels = dataset.counts["train"] * dataset.input_size**2
        return round(base * min(6, max(1, pixels / (60000 * 32**2))))

    return runtime


def images_schema(study):
    """Return the schema of the rows of attacked images of a study."""
    name = "images" if study == "ats" else f"{study}_images"
    return str(ROOT / f"workflow/schemas/{name}.schema.yaml")
