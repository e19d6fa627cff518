"""Each kind of plug-in tried once as jobs use it, through the checks that jobs make.

What is made up is small; the presets and networks are those of the repository. Nothing is written.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from reveil.errors import ReveilError
from reveil.plugins import calling
from reveil.plugins.known import (
    ATS,
    ATTACK,
    CVNN,
    DATASET,
    DEFENCE,
    MODEL,
    POLICY,
    UNIR,
    Declared,
)
from reveil.plugins.trials import features, given, gradients, measurements
from reveil.plugins.trials.made_up import Form, Settings

Trial = Callable[[Declared, Settings], str]

TRIALS: Mapping[tuple[str, str], Trial] = {
    (DATASET, ""): given.dataset,
    (DEFENCE, ""): gradients.defence,
    (MODEL, ATS): gradients.model,
    (POLICY, ATS): gradients.policy,
    (ATTACK, ATS): gradients.attack,
    (MODEL, CVNN): features.model,
    (POLICY, CVNN): features.policy,
    (ATTACK, CVNN): features.attack,
    (MODEL, UNIR): measurements.model,
    (POLICY, UNIR): measurements.policy,
    (ATTACK, UNIR): measurements.attack,
}


def tried(one: Declared, forms: Sequence[Form], root: Path) -> str:
    """Try what a plug-in gives, and return in words what it made.

    Args:
        one: what is tried, and known.
        forms: of the images that are made up.
        root: of the repository.

    Raises:
        PluginError: it does not do what jobs need.
        ReveilError: the trial failed elsewhere than in its code.
    """
    threads = torch.get_num_threads()
    # More would wait for each other: all is small.
    torch.set_num_threads(1)
    try:
        return TRIALS[one.kind, one.study](one, Settings(forms, root))
    except calling.PluginError:
        raise
    except Exception as error:
        raise calling.blamed(error) or _around(one, error) from error
    except SystemExit as error:
        calling.refuse(one, f"ends the process (SystemExit: {error}), expected that it goes on")
    finally:
        torch.set_num_threads(threads)


def _around(one: Declared, error: Exception) -> ReveilError:
    """Return the message about an error without a line of a plug-in in it."""
    if isinstance(error, ReveilError):
        said = str(error)
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = traceback.format_exception_only(error)[0].splitlines()[0]
        said += f" ({Path(last.filename).name}, line {last.lineno})"
    return ReveilError(
        f"outside the plug-in, when {one.kind} {one.name!r} of {one.where} was tried: {said}"
    )
