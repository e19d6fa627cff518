# What the jobs on reconstructions depend on.

from reveil.config.experiments import UNTRAINED
from reveil.unir.methods import MODULES as RECONSTRUCTION_MODULES
from reveil.unir.operators import settings as operator_settings
from reveil.unir.variants import RESTORED, UNMEASURE_BLUR, VARIANTS

# Generators of images from noise have no way to take a measurement: no rule offers them one.
# Those of plug-ins all take one.
RECONSTRUCTORS = one_of(
    (
        *(f"{name}(?:-w[0-9]+)?" for name in generator_names.RECONSTRUCTORS),
        *plugins.names(plugins.MODEL, plugins.UNIR),
    )
)
SAMPLERS = one_of(f"{name}(?:-w[0-9]+)?" for name in generator_names.SAMPLERS)
# What images are measured and learnt from, of a recipe.
IMAGES_KEYS = ("subset", "holdout", "fmnist_pipeline")


@cache
def operator(name):
    return operator_settings.to_json(settings.resolve_operator(config, ROOT, name))


@cache
def reconstruction(name):
    """Return the values of a reconstruction's preset, without its name."""
    found = vars(settings.resolve_reconstruction(config, ROOT, name))
    absent = ("name",) if found["parameters"] else ("name", "parameters")
    return {key: value for key, value in found.items() if key not in absent}


def restoring_code(wildcards):
    """Return the digest of what restores measurements, which is imported by its name."""
    said = recipe_of(wildcards)["reconstruction"]
    if VARIANTS[said["variant"]].real != RESTORED or said["unmeasure"] == UNMEASURE_BLUR:
        return ""
    return reconstruction_digest(said["unmeasure"])


def reconstruction_code(wildcards):
    """Return the digest of the module of a reconstruction, which is imported by its name."""
    return reconstruction_digest(reconstruction(wildcards.attack)["method"])


@cache
def reconstruction_digest(method):
    # Of a plug-in the digest is in that of the script.
    home = RECONSTRUCTION_MODULES.get(method, "plugged")
    return code_digest(f"reveil.unir.reconstruct.{home}")


def reconstruction_switches(wildcards):
    """Return what the rows of a reconstruction depend on, whatever the images."""
    switches = protocol(wildcards.protocol)
    return {
        "recipe": recipe_of_images(wildcards),
        "scene": {"images": switches["scene"]["images"]},
        "test_corruption": switches["reconstruction"]["test_corruption"],
        "reconstruction": reconstruction(wildcards.attack),
    }


def recipe_of_images(wildcards):
    """Return which images a network learnt from, or would have where there is none."""
    name = wildcards.recipe
    if name == UNTRAINED:
        name = protocol(wildcards.protocol)["recipes"]["full"]
    return images_of(name, wildcards.dataset, wildcards.model)


@cache
def images_of(name, dataset, model):
    found = settings.resolve_recipe(config, ROOT, name, dataset, model)
    return {key: found[key] for key in IMAGES_KEYS}


def reconstructing_weights(wildcards):
    """Return the network that reconstructs, where one does."""
    if wildcards.model == UNTRAINED:
        return []
    return rules.train_reconstruction.output.weights.format(**dict(wildcards.items()))


def sampling_switches(wildcards):
    """Return what samples and their scores depend on."""
    switches = protocol(wildcards.protocol)["reconstruction"]
    return {
        "recipe": recipe_of(wildcards),
        "samples": switches["samples"],
        "classifier": recipe("full", wildcards.dataset, classifier_of(wildcards)),
    }


def classifier_of(wildcards):
    """Return the network whose classes and features score samples."""
    switches = protocol(wildcards.protocol)
    said = switches["reconstruction"]["classifier"]
    return settings.architecture(switches, wildcards.dataset, said)


def classifier_weights(wildcards):
    return rules.train_model.output.weights.format(
        run=wildcards.run,
        dataset=wildcards.dataset,
        model=classifier_of(wildcards),
        policy="none",
        recipe="full",
        seed=wildcards.seed,
    )


def reconstruction_memory(wildcards):
    """Return the megabytes of a job that holds a split and thousands of measurements of another."""
    dataset = DATASETS[wildcards.dataset]
    floats = 5000 * dataset.channels * max(dataset.size, 32) ** 2 * 4 / 2**20
    return training_memory(wildcards) + round(8 * floats)


# The path travels as a resource; what results depend on is the content.
INCEPTION_WEIGHTS = config["datasets"]["inception_weights"]
INCEPTION_DIGEST = file_digest(ROOT / INCEPTION_WEIGHTS) if INCEPTION_WEIGHTS else ""
