# Where small jobs spend most of their time on loading PyTorch: jobs of this machine are forked from
# a process that has. Jobs in a container or an environment of their own, and those of a cluster,
# start as ever.

from reveil.preload import starting


onstart:
    if COMPUTE["preload"] and not (
        workflow.nodes or workflow.deployment_settings.deployment_method
    ):
        shell.prefix(starting.start())
