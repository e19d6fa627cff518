"""Write the merged configuration, and the presets that it means, written out."""

from reveil.files import write_yaml
from reveil.job import Job

params, out = snakemake.params, snakemake.output
with Job("record_config", snakemake.log[0]):
    write_yaml(out.config, params.config)
    write_yaml(out.in_force, params.in_force)
