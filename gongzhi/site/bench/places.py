"""Which grid is a point in: our look-up per call and per million, against bare shapely on the same outlines."""

import time
from collections.abc import Callable

import numpy as np
import shapely

from gongzhi.places import index

CALLS, MANY = 20_000, 1_000_000


def run(say: Callable[[str], None]) -> None:
    """Print ratios of times: bare shapely is 1.00."""
    snapshot = index.current()
    left, bottom, right, top = shapely.total_bounds(snapshot.outlines)
    random = np.random.default_rng(1)
    lons, lats = random.uniform(left, right, MANY), random.uniform(bottom, top, MANY)
    tree = shapely.STRtree(snapshot.outlines)
    shapely.prepare(snapshot.outlines)
    pairs = list(zip(lons[:CALLS], lats[:CALLS], strict=True))
    bare_one = _timed(lambda: [tree.query(shapely.Point(x, y), predicate="intersects") for x, y in pairs])
    ours_one = _timed(lambda: [index.locate(x, y) for x, y in pairs])
    bare_many = _timed(lambda: tree.query(shapely.points(lons, lats), predicate="intersects"))
    ours_many = _timed(lambda: index.locate_many(lons, lats))
    n = len(snapshot.outlines)
    say(f"places: {n} grids; per call ratio {ours_one / bare_one:.2f} ({ours_one / CALLS * 1e6:.0f} µs, bare shapely"
        f" {bare_one / CALLS * 1e6:.0f} µs); per million ratio {ours_many / bare_many:.2f} ({ours_many:.2f} s, bare"
        f" {bare_many:.2f} s)")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
