"""`python -m tests.golden [NAME ...]` prints what differs from the frozen results; `--freeze` freezes it."""

import argparse
import sys

from tests.golden.configurations import CONFIGURATIONS
from tests.golden.freeze import compare_with_frozen, environment, freeze, frozen, run


def main() -> int:
    """Compare or freeze the configurations named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="configurations; default: all")
    parser.add_argument("--freeze", action="store_true", help="write the results in place of the frozen ones")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - CONFIGURATIONS.keys()
    if unknown:
        parser.error(f"There is no configuration {', '.join(sorted(unknown))}.")
    if arguments.freeze:
        freeze(arguments.names)
        return 0
    known = frozen()
    exact = environment() == known["environment"]
    print("Compared to the bit." if exact else "Another environment: compared to a relative 1e-7.")
    n_different = 0
    for name in arguments.names or CONFIGURATIONS:
        differences = compare_with_frozen(name, run(name), known)
        n_different += bool(differences)
        for difference in differences:
            print(f"{name}: {difference}")
    print(f"{n_different} configurations differ.")
    return int(n_different > 0)


if __name__ == "__main__":
    sys.exit(main())
