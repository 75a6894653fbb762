#!/usr/bin/env python3
"""Records what scipy and statsmodels make of small samples: tests/golden/statistics.json.
Needs: pip install scipy statsmodels.   Run: tools/make_golden_statistics.py > tests/golden/statistics.json"""
import json
from importlib.metadata import version
import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

rng = np.random.default_rng(11)
out = {"scipy": version("scipy"), "statsmodels": version("statsmodels"), "numpy": np.__version__,
       "samples": [], "proportions": [], "holm": []}
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
print(json.dumps(out, default=float))
