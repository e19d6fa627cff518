"""Command line: build the archives in a folder, or serve them; see :mod:`reveil.synthetic`."""

from reveil.synthetic.command import main

main()
