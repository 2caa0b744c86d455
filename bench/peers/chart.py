"""A small chart of a peer run: `python -m bench.peers.chart RUN.json > chart.svg`. Bars of medians, in plain SVG."""

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SHOWN: Final = {"w1sat": "online, delivered", "w2_deposit": "deposits for who is away", "w2_drain": "drain"}
"""Workload of the run, and what it is called."""
FIGURE: Final = "msgs_per_server_cpu_s"
_ROW: Final = 18
_LEFT: Final = 150
_WIDTH: Final = 420
_COLOURS: Final = {"sayso": "#1b6e53", "sayso-lean": "#5aa88d", "sayso-interpreted": "#5aa88d"}
_OTHER: Final = "#8a8f98"


def medians(records: Sequence[dict[str, object]]) -> dict[str, dict[str, float]]:
    """Return the median figure by workload and system."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        value = record.get(FIGURE)
        if record["work"] in SHOWN and isinstance(value, int | float):
            found[str(record["work"])][str(record["system"])].append(float(value))
    return {
        work: {system: statistics.median(values) for system, values in systems.items()}
        for work, systems in found.items()
    }


def chart(figures: dict[str, dict[str, float]]) -> str:
    """Draw it."""
    rows: list[str] = []
    y = 16
    for work, name in SHOWN.items():
        systems = figures.get(work)
        if not systems:
            continue
        rows.append(f'<text x="4" y="{y}" font-weight="bold">{name}, messages per server-CPU-second</text>')
        most = max(systems.values())
        for system, value in sorted(systems.items(), key=lambda pair: -pair[1]):
            y += _ROW
            width = max(1, round(_WIDTH * value / most))
            colour = _COLOURS.get(system, _OTHER)
            rows.append(f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end">{system}</text>')
            rows.append(f'<rect x="{_LEFT}" y="{y - 11}" width="{width}" height="13" fill="{colour}"/>')
            rows.append(f'<text x="{_LEFT + width + 6}" y="{y}">{value:,.0f}</text>')
        y += _ROW + 10
    height = y
    body = "\n".join(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}" height="{height}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-label="Messages per server-CPU-second">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    sys.stdout.write(chart(medians(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
