"""Statistics by numpy, as an adapter class that prepares itself once per worker."""

from typing import Any, Dict, List

import numpy as np

from snakepit_bridge import Adapter, tool


class Stats(Adapter):
    """Sums up numbers, fits lines, solves equations."""

    def initialize(self) -> None:
        # Loading BLAS takes a while: better here than in the first call.
        np.linalg.inv(np.eye(2))

    @tool(idempotent=True)
    def summary(self, numbers: List[float]) -> Dict[str, Any]:
        """Mean, spread and quartiles of some numbers."""
        x = np.asarray(numbers, dtype=float)
        if x.size == 0:
            raise ValueError("no numbers to sum up")
        low, median, high = np.percentile(x, [25, 50, 75]).tolist()
        return {
            "count": x.size,
            "mean": float(x.mean()),
            "deviation": float(x.std(ddof=1)) if x.size > 1 else None,
            "min": float(x.min()),
            "quartiles": [low, median, high],
            "max": float(x.max()),
        }

    @tool(idempotent=True)
    def fit_line(self, x: List[float], y: List[float]) -> Dict[str, float]:
        """The line through points with the least squares."""
        if len(x) != len(y) or len(x) < 2:
            raise ValueError(f"want two or more points, got {len(x)} x and {len(y)} y")
        a = np.vstack([x, np.ones(len(x))]).T
        (slope, intercept), residuals, _, _ = np.linalg.lstsq(a, np.asarray(y), rcond=None)
        return {
            "slope": float(slope),
            "intercept": float(intercept),
            "residual": float(residuals[0]) if residuals.size else 0.0,
        }

    @tool(idempotent=True)
    def solve(self, matrix: List[List[float]], right: List[float]) -> List[float]:
        """Solves a system of linear equations."""
        return np.linalg.solve(np.asarray(matrix), np.asarray(right)).tolist()
