"""Write how images are measured as a policy file."""

from reveil.files import write_json
from reveil.job import Job

with Job("define_operator", snakemake.log[0]):
    write_json(snakemake.output[0], snakemake.params.operator)
