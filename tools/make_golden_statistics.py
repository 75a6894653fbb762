#!/usr/bin/env python3
"""Records what scipy and statsmodels make of small samples: tests/golden/statistics.json.
Needs: pip install scipy statsmodels.   Run: tools/make_golden_statistics.py > tests/golden/statistics.json"""
import json
from importlib.metadata import version
import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

rng = np.random.default_rng(11)
out = {"scipy": version("scipy"), "statsmodels": version("statsmodels"), "numpy": np.__version__,
       "samples": [], "proportions": [], "holm": [], "sign_flip": [], "mcnemar": []}
for n in (2, 3, 5, 8, 30, 100):
    for mean in (-0.3, -0.02, 0.0, 0.01, 0.04, 1.5):
        # Losses of two methods on the same documents: the documents differ more than the methods do.
        plain = rng.normal(3, 0.3, n)
        values = (plain + rng.normal(mean, 0.03, n)) - plain
        margin = 0.02
        above, below = (stats.ttest_1samp(values, m, alternative=a).pvalue
                        for m, a in ((margin, "greater"), (-margin, "less")))
        ends = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
        out["samples"].append({
            "values": values.tolist(), "margin": margin, "low": ends[0], "high": ends[1],
            "above": above, "below": below, "differs": stats.ttest_1samp(values, 0).pvalue,
            "equivalent": DescrStatsW(values).ttost_mean(-margin, margin)[0]})
for k, n in ((0, 1), (1, 1), (0, 20), (20, 20), (17, 20), (1, 20), (50, 100), (499, 500)):
    low, high = proportion_confint(k, n, 0.05, "wilson")
    out["proportions"].append({"k": k, "n": n, "low": low, "high": high})
for m in (1, 2, 5, 14, 40):
    p = (rng.uniform(size=m) ** 4).tolist()
    if m >= 5:
        p[3] = p[1]  # a tie
    out["holm"].append({"p": p, "adjusted": multipletests(p, 0.05, "holm")[1].tolist()})
for n in (1, 3, 5, 8, 12, 16):
    for shift in (0.0, 0.2, 1.0):
        # Shares of four questions found by two methods, in each document: many ties, many zeros.
        values = (rng.integers(0, 5, n) - rng.integers(0, 5, n)) / 4 + (shift if n % 2 else 0)
        p = stats.permutation_test((values,), np.mean, permutation_type="samples", alternative="greater",
                                   n_resamples=np.inf).pvalue if n > 1 else (0.5 if values[0] > 0 else 1.0)
        out["sign_flip"].append({"values": values.tolist(), "p": p})
for a, b in ((0, 0), (0, 1), (0, 6), (3, 3), (1, 9), (9, 1), (14, 30), (200, 260), (0, 1000)):
    out["mcnemar"].append({"only_a": a, "only_b": b, "p": mcnemar([[5, a], [b, 7]], exact=True).pvalue if a + b else 1.0})
print(json.dumps(out, default=float))
