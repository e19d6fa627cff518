# Each experiment is a target: snakemake ats_exp03.


rule ats_exp01:
    input:
        target("ats-exp01", rules.ats_figure_exp01.output),
    localrule: True


rule ats_exp02:
    input:
        target("ats-exp02", rules.ats_figure_exp02.output),
    localrule: True


rule ats_exp03:
    input:
        target("ats-exp03", rules.ats_table_exp03.output, rules.ats_figure_exp03.output),
    localrule: True


rule ats_exp04:
    input:
        target("ats-exp04", rules.ats_table_exp04.output, rules.ats_figure_exp04.output),
    localrule: True


rule ats_exp05:
    input:
        target("ats-exp05", rules.ats_table_exp05.output),
    localrule: True


rule ats_exp05b:
    input:
        target("ats-exp05b", rules.ats_table_exp05b.output),
    localrule: True


rule ats_exp06:
    input:
        target("ats-exp06", rules.ats_table_exp06.output),
    localrule: True


rule ats_exp07:
    input:
        target("ats-exp07", rules.ats_figure_exp07.output),
    localrule: True


rule ats_exp08:
    input:
        target("ats-exp08", rules.ats_table_exp08.output, rules.ats_figure_exp08.output),
    localrule: True


rule ats_exp09:
    input:
        target("ats-exp09", rules.ats_table_exp09.output, rules.ats_figure_exp09.output),
    localrule: True


rule ats_exp10:
    input:
        target("ats-exp10", rules.ats_table_exp10.output, rules.ats_figure_exp10.output),
    localrule: True


rule ats_ext01:
    input:
        target("ats-ext01", rules.ats_table_ext01.output),
    localrule: True


rule ats_ext02:
    input:
        target("ats-ext02", rules.ats_table_ext02.output, rules.ats_figure_ext02.output),
    localrule: True


rule ats_w_claim1:
    input:
        target("ats-w-claim1", rules.ats_table_w_claim1.output, rules.ats_figure_w_claim1.output),
    localrule: True


rule ats_w_claim2:
    input:
        target(
            "ats-w-claim2",
            rules.ats_table_w_claim2.output,
            rules.ats_figure_w_claim2_curves.output,
            rules.ats_figure_w_claim2_grid.output,
        ),
    localrule: True


rule ats_w_insight1:
    input:
        target(
            "ats-w-insight1",
            rules.ats_table_w_insight1.output,
            rules.ats_figure_w_insight1.output,
            rules.ats_figure_w_insight1_grid.output,
        ),
    localrule: True


rule ats_w_insight2:
    input:
        target(
            "ats-w-insight2",
            rules.ats_table_w_insight2.output,
            rules.ats_figure_w_insight2.output,
        ),
    localrule: True


rule ats_w_insight3:
    input:
        target(
            "ats-w-insight3",
            rules.ats_table_w_insight3.output,
            rules.ats_figure_w_insight3.output,
        ),
    localrule: True


rule ats_batches:
    input:
        target("ats-batches", rules.ats_table_batches.output, rules.ats_figure_batches.output),
    localrule: True


rule ats_cost:
    input:
        target("ats-cost", rules.ats_table_cost.output, rules.ats_figure_cost.output),
    localrule: True


rule ats_draws:
    input:
        target("ats-draws", rules.ats_table_draws.output, rules.ats_figure_draws.output),
    localrule: True


rule ats_early:
    input:
        target("ats-early", rules.ats_table_early.output, rules.ats_figure_early.output),
    localrule: True


rule ats_leaks:
    input:
        target("ats-leaks", rules.ats_table_leaks.output, rules.ats_figure_leaks.output),
    localrule: True


rule ats_random:
    input:
        target("ats-random", rules.ats_table_random.output, rules.ats_figure_random.output),
    localrule: True


rule ats_search:
    input:
        target("ats-search", rules.ats_table_search.output, rules.ats_figure_search.output),
    localrule: True


rule ats_settings:
    input:
        target("ats-settings", rules.ats_table_settings.output, rules.ats_figure_settings.output),
    localrule: True
