"""Write a policy as a file, from its name or from the search that found it."""

from reveil import found, policies
from reveil.files import write_json
from reveil.job import Job

with Job("define_policy", snakemake.log[0]):
    policy = found.define(snakemake.wildcards.policy, list(snakemake.input))
    write_json(snakemake.output[0], policies.to_json(policy))
