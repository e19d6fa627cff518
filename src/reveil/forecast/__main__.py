import sys

from reveil.forecast.command import main

sys.exit(main())
