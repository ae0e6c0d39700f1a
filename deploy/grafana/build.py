"""Write `deploy/grafana/dashboards/*.json` from the boards; with `--check`, say which are stale and fail."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.boards import drift, model, pipeline, quality, service

FOLDER = Path(__file__).with_name("dashboards")


def dashboards() -> dict[str, str]:
    """Return every board's JSON by its file name."""
    boards = [room.board().build() for room in (service, model, quality, drift, pipeline)]
    encoder = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False)
    return {f"{board.uid}.json": encoder.encode(board) + "\n" for board in boards}


def main() -> int:
    """Write or check every board."""
    made = dashboards()
    present = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    stale = sorted(name for name in made.keys() | present.keys() if made.get(name) != present.get(name))
    if stale and "--check" in sys.argv:
        sys.stderr.write(f"Stale in deploy/grafana/dashboards: {', '.join(stale)}. Run `make docs`.\n")
        return 1
    for name in stale:
        if name in made:
            json.loads(made[name])
            (FOLDER / name).write_text(made[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
