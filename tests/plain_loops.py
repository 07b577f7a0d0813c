"""The three runs of the TANGO figure as plain loops, one draw at a time: the slow oracle of the compiled ones."""

import math

import numpy as np

SEED, START, TARGET = 1234, (0.0, 1.0), (10.0, 1.0)
RATE, GAMMA, STEP_SIZE, LIMIT, TOLERANCE = 1e-3, 1e-2, 1e-4, 100_000, 0.01


def legacy_stream(seed=SEED):
    """The legacy stream after the source's four checks, which draw 3000 uniforms each."""
    random = np.random.RandomState(seed)
    for _ in range(4):
        random.uniform(size=(3, 1000))
    return random


def gradient(sample, parameters):
    """Gradient of the negative log-likelihood of a sample in (μ, ln σ)."""
    mean, scale = parameters[0], math.exp(parameters[1])
    return np.array([(mean - sample) / scale**2, (1 - ((sample - mean) / scale) ** 2) / scale * scale])


def _finished(parameters, target, tolerance):
    return np.allclose([parameters[0], math.exp(parameters[1])], target, atol=tolerance)


def _path(path):
    return np.array([(mean, math.exp(log_scale)) for mean, log_scale in path])


def _constant(step_size):
    return step_size if callable(step_size) else lambda k: step_size


def tango(random, start=START, target=TARGET, gamma=GAMMA, step_size=STEP_SIZE, limit=LIMIT, tolerance=TOLERANCE):
    """Path in (μ, σ), and the iteration that ended it or None. `step_size` is δt, or a function of k = 1, 2, ..."""
    step_size = _constant(step_size)
    parameters, velocity = np.array([start[0], math.log(start[1])]), np.zeros(2)
    path = [parameters]
    for iteration in range(limit):
        k = iteration + 1
        keep = 1 - step_size(max(k - 1, 1))
        sample = random.normal(*target)
        pseudo_sample = random.normal(parameters[0], math.exp(parameters[1]))
        g, pseudo_g = gradient(sample, parameters), gradient(pseudo_sample, parameters)
        velocity = keep * velocity + gamma * g - gamma * keep * np.dot(velocity, pseudo_g) * pseudo_g
        parameters = parameters - step_size(k) * velocity
        path.append(parameters)
        if _finished(parameters, target, tolerance):
            return _path(path), iteration
    return _path(path), None


def sgd(random, start=START, target=TARGET, rate=RATE, limit=LIMIT, tolerance=TOLERANCE):
    """As `tango`."""
    parameters = np.array([start[0], math.log(start[1])])
    path = [parameters]
    for iteration in range(limit):
        parameters = parameters - rate * gradient(random.normal(*target), parameters)
        path.append(parameters)
        if _finished(parameters, target, tolerance):
            return _path(path), iteration
    return _path(path), None


def averaged_sgd(
    random, start=START, target=TARGET, gamma=GAMMA, step_size=STEP_SIZE, limit=LIMIT, tolerance=TOLERANCE
):
    """As `tango`: the path is that of the average."""
    fast = np.array([start[0], math.log(start[1])])
    average = fast
    path = [average]
    for iteration in range(limit):
        fast = fast - gamma * gradient(random.normal(*target), fast)
        average = average + step_size * (fast - average)
        path.append(average)
        if _finished(average, target, tolerance):
            return _path(path), iteration
    return _path(path), None


def published():
    """The three published runs, one after the other on one stream: name to (path, iteration)."""
    random = legacy_stream()
    return {name: run(random) for name, run in [("TANGO", tango), ("SGD", sgd), ("averaged SGD", averaged_sgd)]}


def moving_average(normals, start=START, target=TARGET, step_size=STEP_SIZE):
    """Path of the exact online natural gradient over given normals: a moving average of (y, y²)."""
    moments = np.array([start[0], start[0] ** 2 + start[1] ** 2])
    path = [moments]
    for normal in normals:
        sample = target[0] + target[1] * normal
        moments = (1 - step_size) * moments + step_size * np.array([sample, sample**2])
        path.append(moments)
    path = np.array(path)
    return np.stack([path[:, 0], np.sqrt(path[:, 1] - path[:, 0] ** 2)], axis=1)


class Given:
    """A stream of given standard normals, with the one method of `RandomState` that the loops use."""

    def __init__(self, normals):
        self._normals = iter(np.ravel(normals).tolist())

    def normal(self, mean, scale):
        return mean + scale * next(self._normals)
