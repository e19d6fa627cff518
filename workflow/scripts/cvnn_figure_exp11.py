"""Draw who computes how much of a network, a page per dataset."""

import pandas as pd

from reveil import figures
from reveil.cvnn.figures import share
from reveil.job import Job
from reveil.stages.private_costs import private_costs

params, out = snakemake.params, snakemake.output
with Job("cvnn_figure_exp11", snakemake.log[0]):
    for page, svg, png, networks in zip(
        params.pages, out.svg, out.png, params.networks, strict=True
    ):
        costs = pd.DataFrame(private_costs(networks))
        figures.save(share.draw(costs, dataset=page["dataset"]), svg, png)
