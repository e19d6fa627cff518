"""Write the page on which the attacked images of the studies are looked at."""

from reveil import gallery
from reveil.job import Job

params, given = snakemake.params, snakemake.input
with Job("gallery", snakemake.log[0]):
    studies = [
        {
            "study": study,
            "table": table,
            "arrays": [path for path in given.arrays if f"/{study}/attacks/" in path],
            "positions": positions,
        }
        for study, table, positions in zip(
            params.studies, given.tables, params.positions, strict=True
        )
    ]
    gallery.write(
        snakemake.output[0],
        studies,
        run=params.run,
        images=params.images,
        commit=snakemake.resources.commit,
    )
