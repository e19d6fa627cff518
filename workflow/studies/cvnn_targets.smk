# Each experiment is a target: snakemake cvnn_exp02.


rule cvnn_exp01:
    input:
        target("cvnn-exp01", rules.cvnn_table_exp01.output),
    localrule: True


rule cvnn_exp02:
    input:
        target("cvnn-exp02", rules.cvnn_table_exp02.output),
    localrule: True


rule cvnn_exp03:
    input:
        target("cvnn-exp03", rules.cvnn_table_exp03.output),
    localrule: True


rule cvnn_exp04:
    input:
        target("cvnn-exp04", rules.cvnn_table_exp04.output),
    localrule: True


rule cvnn_exp05:
    input:
        target("cvnn-exp05", rules.cvnn_figure_exp05.output),
    localrule: True


rule cvnn_exp06:
    input:
        target("cvnn-exp06", rules.cvnn_figure_exp06.output),
    localrule: True


rule cvnn_exp07:
    input:
        target("cvnn-exp07", rules.cvnn_figure_exp07.output),
    localrule: True


rule cvnn_exp08:
    input:
        target("cvnn-exp08", rules.cvnn_table_exp08.output),
    localrule: True


rule cvnn_exp09:
    input:
        target("cvnn-exp09", rules.cvnn_table_exp09.output),
    localrule: True


rule cvnn_exp10:
    input:
        target("cvnn-exp10", rules.cvnn_table_exp10.output, rules.cvnn_figure_exp10.output),
    localrule: True


rule cvnn_exp11:
    input:
        target("cvnn-exp11", rules.cvnn_table_exp11.output, rules.cvnn_figure_exp11.output),
    localrule: True


rule cvnn_ext01:
    input:
        target("cvnn-ext01", rules.cvnn_table_ext01.output),
    localrule: True


rule cvnn_ext02:
    input:
        target("cvnn-ext02", rules.cvnn_table_ext02.output),
    localrule: True


rule cvnn_ext03:
    input:
        target("cvnn-ext03", rules.cvnn_table_ext03.output, rules.cvnn_figure_ext03.output),
    localrule: True


rule cvnn_ext04:
    input:
        target("cvnn-ext04", rules.cvnn_table_ext04.output),
    localrule: True


rule cvnn_ext05:
    input:
        target("cvnn-ext05", rules.cvnn_table_ext05.output),
    localrule: True


rule cvnn_ext06:
    input:
        target("cvnn-ext06", rules.cvnn_table_ext06.output),
    localrule: True


rule cvnn_ext07:
    input:
        target("cvnn-ext07", rules.cvnn_table_ext07.output),
    localrule: True


rule cvnn_ext08:
    input:
        target("cvnn-ext08", rules.cvnn_table_ext08.output, rules.cvnn_figure_ext08.output),
    localrule: True


rule cvnn_ext09:
    input:
        target("cvnn-ext09", rules.cvnn_table_ext09.output),
    localrule: True


rule cvnn_ext10:
    input:
        target("cvnn-ext10", rules.cvnn_table_ext10.output),
    localrule: True


rule cvnn_ext11:
    input:
        target("cvnn-ext11", rules.cvnn_table_ext11.output),
    localrule: True


rule cvnn_ext12:
    input:
        target("cvnn-ext12", rules.cvnn_table_ext12.output),
    localrule: True


rule cvnn_ext13:
    input:
        target("cvnn-ext13", rules.cvnn_table_ext13.output),
    localrule: True


rule cvnn_core:
    input:
        target("cvnn-core", rules.cvnn_table_core.output, rules.cvnn_figure_core.output),
    localrule: True
