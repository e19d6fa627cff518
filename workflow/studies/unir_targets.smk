# Each experiment is a target: snakemake unir_exp04.


rule unir_exp01:
    input:
        target("unir-exp01", rules.unir_table_exp01.output, rules.unir_figure_exp01.output),
    localrule: True


rule unir_exp02:
    input:
        target("unir-exp02", rules.unir_figure_exp02.output),
    localrule: True


rule unir_exp03:
    input:
        target(
            "unir-exp03",
            rules.unir_table_exp03.output,
            rules.unir_table_exp03_losses.output,
            rules.unir_figure_exp03_grid.output,
            rules.unir_figure_exp03_curves.output,
        ),
    localrule: True


rule unir_exp04:
    input:
        target(
            "unir-exp04",
            rules.unir_table_exp04.output,
            rules.unir_figure_exp04.output,
            rules.unir_figure_exp04_grid.output,
        ),
    localrule: True


rule unir_exp05:
    input:
        target("unir-exp05", rules.unir_table_exp05.output, rules.unir_figure_exp05.output),
    localrule: True


rule unir_exp06:
    input:
        target("unir-exp06", rules.unir_table_exp06.output, rules.unir_figure_exp06.output),
    localrule: True


rule unir_exp07:
    input:
        target("unir-exp07", rules.unir_table_exp07.output),
    localrule: True


rule unir_exp08:
    input:
        target(
            "unir-exp08",
            rules.unir_table_exp08.output,
            rules.unir_figure_exp08.output,
            rules.unir_figure_exp08_curves.output,
        ),
    localrule: True


rule unir_exp09:
    input:
        target("unir-exp09", rules.unir_table_exp09.output),
    localrule: True


rule unir_exp10:
    input:
        target("unir-exp10", rules.unir_table_exp10.output, rules.unir_figure_exp10.output),
    localrule: True


rule unir_exp11:
    input:
        target("unir-exp11", rules.unir_table_exp11.output, rules.unir_figure_exp11.output),
    localrule: True


rule unir_exp12:
    input:
        target("unir-exp12", rules.unir_table_exp12.output),
    localrule: True


rule unir_exp13:
    input:
        target("unir-exp13", rules.unir_table_exp13.output, rules.unir_figure_exp13.output),
    localrule: True


rule unir_exp14:
    input:
        target("unir-exp14", rules.unir_table_exp14.output, rules.unir_figure_exp14.output),
    localrule: True


rule unir_exp15:
    input:
        target("unir-exp15", rules.unir_table_exp15.output),
    localrule: True


rule unir_exp16:
    input:
        target("unir-exp16", rules.unir_table_exp16.output),
    localrule: True


rule unir_exp17:
    input:
        target("unir-exp17", rules.unir_table_exp17.output),
    localrule: True
