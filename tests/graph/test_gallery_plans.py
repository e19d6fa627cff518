"""What the gallery asks for: the attacked images that there are anyway, and no others."""

from tests.workflow import Clone

ATTACKS = {"attack_images", "attack_features", "reconstruct_images"}
# Beside the items, a run may ask for experiments, which attack more.
ITEMS_ALONE = {
    "studies": {name: {"experiments": {"targets": []}} for name in ("ats", "cvnn", "unir")}
}


def only(study: str) -> dict:
    """Return what makes a study the only one that attacks images."""
    others = {"ats": ["table_singles"], "cvnn": ["figure_curves"], "unir": ["figure_curves"]}
    return {"studies": {name: {"items": items} for name, items in others.items() if name != study}}


def attacks(plan: dict[str, int]) -> dict[str, int]:
    return {rule: count for rule, count in plan.items() if rule in ATTACKS}


def test_a_run_makes_the_gallery_and_attacks_nothing_for_it(fresh: Clone) -> None:
    clone = fresh.with_config("items", ITEMS_ALONE)
    whole, alone = clone.plan(), clone.plan("gallery")
    assert whole["gallery"] == alone["gallery"] == 1
    assert attacks(whole) == attacks(alone)
    assert set(attacks(alone)) == ATTACKS


def test_of_one_study_it_asks_for_that_study_alone(fresh: Clone) -> None:
    plan = fresh.with_config("one", only("cvnn")).plan("gallery")
    assert set(attacks(plan)) == {"attack_features"}
    named = fresh.with_config("named", {"gallery": {"studies": ["unir"]}}).plan("gallery")
    assert set(attacks(named)) == {"reconstruct_images"}


def test_where_nothing_is_attacked_no_gallery_is_made(fresh: Clone) -> None:
    plan = fresh.with_config("items", ITEMS_ALONE).with_config("none", only("")).plan()
    assert "gallery" not in plan and not attacks(plan)
