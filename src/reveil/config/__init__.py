"""The configuration: presets laid over each other, checked as a whole before anything runs.

Used while the graph is planned, so it imports neither torch nor pandas.
"""

from reveil.config.check import check, require_experiment, validate
from reveil.config.experiments import (
    Cell,
    Page,
    cells,
    experiment_names,
    list_policies,
    pages,
    resolve_experiment,
    study_of,
)
from reveil.config.presets import merge, preset_paths, read_yaml
from reveil.config.resolve import (
    architecture,
    policy_names,
    resolve_attack,
    resolve_feature_attack,
    resolve_operator,
    resolve_protection,
    resolve_protocol,
    resolve_recipe,
    resolve_reconstruction,
    training_recipe,
)
from reveil.config.schema import load_schema
from reveil.config.study_cells import study_cells
from reveil.config.workload import workload

__all__ = [
    "Cell",
    "Page",
    "architecture",
    "cells",
    "check",
    "experiment_names",
    "list_policies",
    "load_schema",
    "merge",
    "pages",
    "policy_names",
    "preset_paths",
    "read_yaml",
    "require_experiment",
    "resolve_attack",
    "resolve_experiment",
    "resolve_feature_attack",
    "resolve_operator",
    "resolve_protection",
    "resolve_protocol",
    "resolve_recipe",
    "resolve_reconstruction",
    "study_cells",
    "study_of",
    "training_recipe",
    "validate",
    "workload",
]
