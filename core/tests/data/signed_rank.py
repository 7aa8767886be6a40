#!/usr/bin/env python3
"""Reference values for core/src/stats/paired.rs, from scipy and numpy.

    python3 -m venv /tmp/scipy && /tmp/scipy/bin/pip install scipy==1.17.1 numpy==2.4.6
    /tmp/scipy/bin/python core/tests/data/signed_rank.py > core/tests/data/signed_rank.json
"""

import json

import numpy as np
from scipy import stats

ALPHA = 0.05
EXACT_UP_TO = 60  # packbench counts exactly up to here, and approximates beyond


def p_value(x):
    method = "exact" if len(x) <= EXACT_UP_TO else "asymptotic"
    return stats.wilcoxon(x, correction=True, method=method).pvalue


def cutoff(n):
    """The largest t with 2 P(T <= t) <= ALPHA, and that probability."""
    m = n * (n + 1) // 2
    if n <= EXACT_UP_TO:
        patterns = np.array([1], dtype=object)  # Python's integers: no rounding
        for rank in range(1, n + 1):
            with_rank = np.concatenate([np.zeros(rank, dtype=object), patterns])
            patterns = np.concatenate([patterns, np.zeros(rank, dtype=object)]) + with_rank
        two_sided = [2 * int(c) / 2**n for c in np.cumsum(patterns)]
    else:
        deviation = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        two_sided = 2 * stats.norm.cdf((np.arange(m + 1) + 0.5 - m / 2) / deviation)
    t = int(np.searchsorted(two_sided, ALPHA, side="right")) - 1
    return t, float(two_sided[t])


def check_by_inversion(x, low, high):
    """An end of the interval is where scipy's own test starts to reject."""
    step = 1e-9
    for end, outwards in ((low, -step), (high, step)):
        assert p_value(x - (end + outwards)) <= ALPHA < p_value(x - (end - outwards)), (end, outwards)


def case(rng, name, n, effect, noise):
    base = np.round(np.exp(noise(rng, n)) * 1e6)
    candidate = np.round(np.exp(noise(rng, n)) * 1e6 * effect)
    x = np.log(candidate / base)
    i, j = np.triu_indices(n)
    walsh = np.sort((x[i] + x[j]) / 2)
    t, missed = cutoff(n)
    low, high = walsh[t], walsh[len(walsh) - 1 - t]
    check_by_inversion(x, low, high)
    return {
        "name": name,
        "base_ns": [int(v) for v in base],
        "candidate_ns": [int(v) for v in candidate],
        "ratio": float(np.exp(np.median(walsh))),
        "low": float(np.exp(low)),
        "high": float(np.exp(high)),
        "coverage": 1 - missed,
        "p_value": float(p_value(x)),
    }


def normal(rng, n):
    return 0.05 * rng.standard_normal(n)


def heavy(rng, n):
    return 0.02 * rng.standard_t(2, n)


def main():
    rng = np.random.default_rng(20261124)
    cases = [case(rng, f"normal, n = {n}, effect {effect}", n, effect, normal)
             for n in (6, 7, 10, 20, 60, 61, 150) for effect in (1.0, 1.08)]
    cases += [case(rng, f"heavy tails, n = {n}", n, 0.97, heavy) for n in (6, 10, 20, 35, 100)]
    print("[")
    print(",\n".join(json.dumps(c) for c in cases))
    print("]")


main()
