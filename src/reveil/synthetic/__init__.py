"""Small archives in the layout of the published datasets, made of embedded Fashion-MNIST images.

    PYTHONPATH=src python -m reveil.synthetic build FOLDER
    PYTHONPATH=src python -m reveil.synthetic serve [--port N]

They carry every step from the download to the last figure on a machine that has none of the
published data. A class is a garment in a colour, so that there is something to learn; what is
measured on them says nothing about the datasets whose layout they have.

The archives are the same to the byte on every machine, so that their checksums stand in
``config/datasets.csv``: whole numbers only, no time stamps, nothing compressed, pickles written by
hand. The exception is the JPEG encoder, libjpeg-turbo at settings that it has not changed.
"""

from reveil.synthetic.command import main
from reveil.synthetic.images import Shapes, coloured, labels_of, resized
from reveil.synthetic.making import archives, build
from reveil.synthetic.serving import PORT, server

__all__ = [
    "PORT",
    "Shapes",
    "archives",
    "build",
    "coloured",
    "labels_of",
    "main",
    "resized",
    "server",
]
