#!/usr/bin/env python3
"""Reference values for core/src/stats/unpaired.rs, trend.rs and paired differences, from scipy and numpy.

    python3 -m venv /tmp/scipy && /tmp/scipy/bin/pip install scipy==1.17.1 numpy==2.4.6
    /tmp/scipy/bin/python core/tests/data/rank_sum.py > core/tests/data/rank_sum.json
"""

import json

import numpy as np
from scipy import stats

ALPHA = 0.05
EXACT_UP_TO = 60  # packbench counts exactly up to here in all, and approximates beyond
EXACT_ORDERS_UP_TO = 20


def rank_sum_p(base, candidate):
    method = "exact" if len(base) + len(candidate) <= EXACT_UP_TO else "asymptotic"
    return stats.mannwhitneyu(candidate, base, use_continuity=True, method=method).pvalue


def cutoff(n, m):
    """The largest u with 2 P(U <= u) <= ALPHA, and that probability."""
    if n + m <= EXACT_UP_TO:
        counts = [1] + [0] * (n * m)  # coefficients of a Gaussian binomial, in Python's integers
        for i in range(1, n + 1):
            for u in range(len(counts) - 1, m + i - 1, -1):
                counts[u] -= counts[u - m - i]
            for u in range(i, len(counts)):
                counts[u] += counts[u - i]
        two_sided = [2 * int(c) / sum(counts) for c in np.cumsum(np.array(counts, dtype=object))]
    else:
        deviation = np.sqrt(n * m * (n + m + 1) / 12)
        two_sided = 2 * stats.norm.cdf((np.arange(n * m + 1) + 0.5 - n * m / 2) / deviation)
    u = int(np.searchsorted(two_sided, ALPHA, side="right")) - 1
    return u, float(two_sided[u])


def check_by_inversion(x, y, low, high):
    """An end of the interval is where scipy's own test starts to reject."""
    step = 1e-9
    for end, outwards in ((low, -step), (high, step)):
        assert rank_sum_p(x, y - (end + outwards)) <= ALPHA < rank_sum_p(x, y - (end - outwards)), (end, outwards)


def unpaired(rng, n, m, effect, noise):
    base = np.round(np.exp(noise(rng, n)) * 1e6)
    candidate = np.round(np.exp(noise(rng, m)) * 1e6 * effect)
    x, y = np.log(base), np.log(candidate)
    differences = np.sort((y[None, :] - x[:, None]).ravel())
    u, missed = cutoff(n, m)
    low, high = differences[u], differences[len(differences) - 1 - u]
    check_by_inversion(x, y, low, high)
    return {
        "base_ns": [int(v) for v in base],
        "candidate_ns": [int(v) for v in candidate],
        "ratio": float(np.exp(np.median(differences))),
        "low": float(np.exp(low)),
        "high": float(np.exp(high)),
        "coverage": 1 - missed,
        "p_value": float(rank_sum_p(x, y)),
    }


def trend(rng, n, slope):
    values = rng.standard_normal(n) + slope * np.arange(n)
    p_value = stats.kendalltau(np.arange(n), values, method="exact").pvalue
    half = n // 2
    shift = np.median(values[n - half:]) - np.median(values[:half])
    return {"values": values.tolist(), "shift": float(shift), "p_value": float(p_value)}


def counts(rng, n, low, high):
    """Integer differences without ties or zeros, as scipy's exact test takes them."""
    base = rng.integers(0, 50, n)
    candidate = base + rng.permutation(np.r_[-np.arange(1, low + 1) * 3, np.arange(1, high + 1) * 3 + 1])[:n]
    x = (candidate - base).astype(float)
    i, j = np.triu_indices(n)
    return {
        "base": base.tolist(),
        "candidate": candidate.tolist(),
        "difference": float(np.median((x[i] + x[j]) / 2)),
        "p_value": float(stats.wilcoxon(x, method="exact").pvalue),
    }


def normal(rng, n):
    return 0.05 * rng.standard_normal(n)


def heavy(rng, n):
    return 0.02 * rng.standard_t(2, n)


def main():
    rng = np.random.default_rng(20261124)
    sizes = ((4, 4), (6, 6), (6, 12), (20, 20), (30, 30), (31, 30), (80, 45))
    cases = {
        "unpaired": [unpaired(rng, n, m, effect, noise)
                     for n, m in sizes for effect, noise in ((1.0, normal), (1.06, heavy))],
        "trends": [trend(rng, n, slope) for n in (4, 6, 11, EXACT_ORDERS_UP_TO) for slope in (0.0, 0.2)],
        "counts": [counts(rng, 10, low, 20 - low) for low in (2, 10, 18)],
    }
    print("{")
    print(",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(c) for c in list) + "\n]" for name, list in cases.items()))
    print("}")


main()
