"""Numbers in, numbers out: rates, contrasts and agreement, each with how sure we are.

Scenarios are the independent units; repeats of one scenario are not. `clustered_rate` and
`paired_contrast` are the two that a study reports; the rest is for single counts, for planning
and for families of tests. Nothing here knows of episodes, policies or files.
"""

from vla_backfire.stats.agreement import cohens_kappa, observed_agreement
from vla_backfire.stats.contrasts import (
    Contrast,
    benjamini_hochberg,
    holm,
    mcnemar_exact,
    mcnemar_mid_p,
    minimal_detectable_difference,
    paired_contrast,
)
from vla_backfire.stats.estimate import Estimate
from vla_backfire.stats.proportions import (
    clopper_pearson_interval,
    clustered_rate,
    wilson_interval,
)

__all__ = [
    "Contrast",
    "Estimate",
    "benjamini_hochberg",
    "clopper_pearson_interval",
    "clustered_rate",
    "cohens_kappa",
    "holm",
    "mcnemar_exact",
    "mcnemar_mid_p",
    "minimal_detectable_difference",
    "observed_agreement",
    "paired_contrast",
    "wilson_interval",
]
