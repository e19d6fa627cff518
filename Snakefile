# reveil: what an image leaks and what stops it, reproduced in one command.
#
#   snakemake -n                                 what would the papers' settings take?
#   snakemake --configfile config/demo.yaml      the small run
#   snakemake ats_figure_psnr                    one figure again

from snakemake.utils import min_version

min_version("9.0")


configfile: str(Path(workflow.current_basedir) / "config.yaml")


report: "workflow/report/workflow.rst"


# Of use with `--sdm apptainer` alone; envs/reveil.def says how it is made.
container: "envs/reveil.sif"


include: "workflow/rules/common.smk"
include: "workflow/rules/arrays.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/policy.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/lists.smk"
include: "workflow/rules/attack.smk"
include: "workflow/rules/private_inputs.smk"
include: "workflow/rules/private.smk"
include: "workflow/rules/reconstruction_inputs.smk"
include: "workflow/rules/reconstruction.smk"
include: "workflow/rules/report.smk"
include: "workflow/studies/experiments.smk"
include: "workflow/studies/tidy.smk"
include: "workflow/rules/verdict_inputs.smk"
include: "workflow/studies/ats.smk"
include: "workflow/studies/cvnn.smk"
include: "workflow/studies/unir.smk"
include: "workflow/rules/provenance_inputs.smk"
include: "workflow/rules/gallery_inputs.smk"
include: "workflow/rules/gallery.smk"
include: "workflow/rules/verdicts.smk"
include: "workflow/rules/provenance.smk"
include: "workflow/rules/planning.smk"
include: "workflow/rules/preload.smk"


rule all:
    default_target: True
    input:
        rules.ats.input,
        rules.cvnn.input,
        rules.unir.input,
        rules.gallery.output if GALLERY_STUDIES else [],
        rules.judge_claims.output,
    localrule: True
