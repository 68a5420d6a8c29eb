"""Entry point of the Python runtime image: `python3.11 -I -S -B start.py`. Kept tiny: everything else comes precompiled."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fnplane_runtime.main import main  # noqa: E402

main()
