"""Run by the oracle's own Python: Evidently's figures for pairs of columns, from a JSON file to standard output."""

import json
import sys


def main() -> None:
    import pandas as pd
    from evidently.legacy.calculations import stattests
    from evidently.legacy.core import ColumnType

    tests = {
        "psi": stattests.psi_stat_test,
        "kl": stattests.kl_div_stat_test,
        "js": stattests.jensenshannon_stat_test,
        "wasserstein": stattests.wasserstein_stat_test,
    }
    answers = []
    for pair in json.load(sys.stdin):
        reference, window = pd.Series(pair["reference"]), pd.Series(pair["window"])
        kind = ColumnType.Numerical if pair["kind"] == "number" else ColumnType.Categorical
        asked = tests if kind == ColumnType.Numerical else [name for name in tests if name != "wasserstein"]
        answers.append({name: float(tests[name].func(reference, window, kind, 0.1)[0]) for name in asked})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
