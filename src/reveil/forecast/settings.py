"""What presets say under a configuration, each resolved once."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reveil import config as resolvers
from reveil.cvnn.protections import Protection
from reveil.errors import ReveilError


class Settings:
    """The resolvers of :mod:`reveil.config` for one configuration.

    Args:
        config: complete, as ``read_config`` returns it.
        root: of the repository.
    """

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        self.config, self.root = config, root
        self.recipe = cache(self._recipe)
        self.protocol = cache(self._protocol)
        self.attack = cache(self._attack)
        self.feature_attack = cache(self._feature_attack)
        self.reconstruction = cache(self._reconstruction)
        self.protection = cache(self._protection)

    def _recipe(self, name: str, dataset: str, model: str) -> dict[str, Any]:
        return resolvers.resolve_recipe(self.config, self.root, name, dataset, model)

    def _protocol(self, name: str) -> dict[str, Any]:
        return resolvers.resolve_protocol(self.config, self.root, name)

    def _attack(self, name: str) -> dict[str, Any]:
        return resolvers.resolve_attack(self.config, self.root, name)

    def _feature_attack(self, name: str) -> dict[str, Any]:
        return resolvers.resolve_feature_attack(self.config, self.root, name)

    def _reconstruction(self, name: str) -> dict[str, Any]:
        return vars(resolvers.resolve_reconstruction(self.config, self.root, name))

    def _protection(self, name: str) -> Protection:
        return resolvers.resolve_protection(self.config, self.root, name)


def read_config(root: Path, files: list[str]) -> dict[str, Any]:
    """Return ``config.yaml`` with files laid over it, as Snakemake does, checked.

    Args:
        root: of the repository.
        files: relative to the current folder, or to the repository where it has none of that name.

    Raises:
        ReveilError: a file cannot be read or holds no keys, or the configuration is not valid.
    """
    config = resolvers.read_yaml(root / "config.yaml")
    for file in files:
        content = resolvers.read_yaml(file if os.path.isfile(file) else root / file)
        if not isinstance(content, Mapping):
            raise ReveilError(f"{file}: is no configuration, which is a mapping of keys")
        config = resolvers.merge(config, content)
    resolvers.validate(config, root)
    return config
