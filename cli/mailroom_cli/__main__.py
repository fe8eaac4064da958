# SPDX-License-Identifier: GPL-3.0-or-later
"""Where bin/mailroom begins: makes the project's folders importable, wherever it was called from."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "cli"), str(ROOT / "module_utils")]

if __name__ == "__main__":
    try:
        from mailroom_cli.main import main
    except ModuleNotFoundError as error:
        # The project was updated, and its environment was not.
        sys.exit(f"mailroom: the Python package {error.name} is missing: run make -C {ROOT} .setup first")
    sys.exit(main())
