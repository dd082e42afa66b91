"""Relative Mahalanobis distance: how far from every class, beyond how far from everything.

Ren et al., "A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection", 2021. numpy and
scipy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

from petvision.images.types import Floats

Wide = npt.NDArray[np.float64]

SHRINKAGE = 0.1
"""Share of the mean variance in each covariance: with fewer photos than features it is singular."""


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Normal distributions of one covariance, as Euclid sees them after whitening.

    ``whitener`` F×F turns features into coordinates of covariance 1; ``means`` K×F are in these.
    """

    means: Wide
    whitener: Wide

    def distances(self, features: Floats) -> Wide:
        """Squared Mahalanobis distances N×K of features N×F."""
        x = features.astype(np.float64) @ self.whitener
        crossed = (x**2).sum(1)[:, None] - 2 * x @ self.means.T + (self.means**2).sum(1)
        return np.asarray(np.maximum(crossed, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class RelativeMahalanobis:
    """One Gaussian a class with a shared covariance, and one for everything together."""

    classes: Gaussian
    everything: Gaussian

    def __call__(self, features: Floats) -> Wide:
        """The strangeness of N photos by their features N×F; larger is stranger."""
        whole = self.everything.distances(features)[:, 0]
        return np.asarray(self.classes.distances(features).min(1) - whole)


def fit(features: Floats, labels: npt.NDArray[np.integer]) -> RelativeMahalanobis:
    """Fit to the features N×F of known photos and their class numbers N."""
    x = features.astype(np.float64)
    means = np.stack([x[labels == c].mean(0) for c in np.unique(labels)])
    within = x - means[np.searchsorted(np.unique(labels), labels)]
    middle = x.mean(0, keepdims=True)
    return RelativeMahalanobis(_gaussian(means, within), _gaussian(middle, x - middle))


def _gaussian(means: Wide, centred: Wide) -> Gaussian:
    covariance = centred.T @ centred / len(centred)
    size = len(covariance)
    level = np.trace(covariance) / size or 1.0
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * level * np.eye(size)
    whitener = solve_triangular(cholesky(shrunk, lower=True), np.eye(size), lower=True).T
    return Gaussian(means @ whitener, np.asarray(whitener))
