"""The tests of the harnesses import them as the modules beside."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
