"""`simulate.ensemble`: against `path` and a plain loop, and the same whatever the chunk, devices and hosts."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import plain_loops
import pytest
from jax.extend.random import threefry_2x32

from straightlines import simulate, streams
from straightlines.optimizers import moving_average, tango

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "ensemble.py"
START, TARGET = (0.0, 1.0), (10.0, 1.0)
KEY = jax.random.key(3)
TANGO = tango(1e-3, 1e-2)  # one object: another one would be compiled anew
ENSEMBLE = partial(simulate.ensemble, TANGO, START, TARGET, KEY)
NEAR = {"start": (9.5, 1.3), "absolute_tolerance": 0.3}


def assert_same(one, other, rows=slice(None)):
    """Bit for bit the same runs; `other` has the rows `rows` of `one`."""
    for name in ("runs", "first_hit", "end", "largest_scale", "diverged"):
        np.testing.assert_array_equal(getattr(one, name)[rows], getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(one.states[:, rows], other.states)


# random numbers


def test_the_stream_of_a_run_is_jaxs_threefry():
    run_key = jax.random.fold_in(KEY, 5)
    np.testing.assert_array_equal(
        streams.run_keys(jax.random.key_data(KEY), jnp.asarray([5], jnp.uint32)),
        jax.random.key_data(run_key)[:, None],
    )
    for step, pair in [(0, 0), (77, 0), (2**31, 3)]:
        counter = jnp.asarray([pair, step], jnp.uint32)
        words = streams.threefry(tuple(jax.random.key_data(run_key)), tuple(counter))
        np.testing.assert_array_equal(words, threefry_2x32(jax.random.key_data(run_key), counter))
    np.testing.assert_array_equal(
        streams.threefry(tuple(jax.random.key_data(run_key)), (jnp.uint32(0), jnp.uint32(9))),
        jax.random.key_data(jax.random.fold_in(run_key, 9)),
    )


@pytest.fixture(scope="module")
def normals():
    """Of 64 runs: shape (steps, samples, runs)."""
    keys = streams.run_keys(jax.random.key_data(KEY), jnp.arange(64, dtype=jnp.uint32))
    pairs = streams.complex_normals(keys, jnp.arange(8000), 2, np.dtype("float32"))
    return np.asarray(jax.vmap(streams.real_normals, (0, None))(pairs, 4), np.float64)


def test_the_normals_have_the_normal_distribution(normals):
    from scipy import stats

    count = normals.size
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)]:
        assert abs((normals**power).mean() - moment) < 4.5 * np.sqrt(variance / count), power
    for bound in (1, 2, 3, 4, 4.5):
        expected = 2 * stats.norm.sf(bound) * count
        assert abs((abs(normals) > bound).sum() - expected) < 4.5 * np.sqrt(expected), bound
    assert stats.kstest(normals[::3, :, ::2].ravel(), "norm").pvalue > 1e-4
    assert np.isfinite(normals).all()


def test_the_normals_are_independent_over_runs_steps_and_samples(normals):
    for ahead, name in [((1, 0, 0), "steps"), ((0, 1, 0), "samples"), ((0, 0, 1), "runs"), ((2, 1, 0), "both")]:
        here, there = normals, normals
        for axis, by in enumerate(ahead):
            here = np.take(here, range(here.shape[axis] - by), axis)
            there = np.take(there, range(by, there.shape[axis]), axis)
        for function in (np.array, np.square):  # Box and Muller's pairs share a radius
            a, b = function(here).ravel(), function(there).ravel()
            assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / np.sqrt(a.size), name


def test_both_dtypes_have_the_same_normals():
    single, double = (streams.normals(KEY, 9, 5000, pseudo_samples=2, dtype=dtype) for dtype in ("float32", "float64"))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    assert single.shape == (5000, 3)
    np.testing.assert_allclose(single, double, rtol=0, atol=4e-6)


# the same as one path


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (TANGO, {}),
        (TANGO, {"coordinates": "scale"}),
        (TANGO, {"target": (1.0, 0.5), "start": (1.4, 0.8), "absolute_tolerance": 0.3}),
        (optax.sgd(1e-3), {"pseudo_samples": 0}),
        (optax.sgd(1e-2), {"pseudo_samples": 0, "averaging": 1e-3}),
        (moving_average(1e-3), {"pseudo_samples": 0, "coordinates": "expectation"}),
        (optax.chain(tango(optax.exponential_decay(1e-3, 100, 0.9), 1e-2), optax.scale(2.0)), {}),
        (optax.adam(1e-2), {"pseudo_samples": 3}),
    ],
)
def test_every_run_is_a_path_over_its_normals(optimizer, settings):
    settings = {"start": START, "target": TARGET, "absolute_tolerance": 0.01} | settings
    tolerance, samples = settings.pop("absolute_tolerance"), settings.pop("pseudo_samples", 1)
    runs = simulate.ensemble(
        optimizer, key=KEY, runs=3, steps=600, dtype="float64", checkpoints=[0, 1, 64, 599], pseudo_samples=samples,
        absolute_tolerance=tolerance, **settings,
    )  # fmt: skip
    for run in range(3):
        given = streams.normals(KEY, run, 600, pseudo_samples=samples, dtype="float64")
        path = np.asarray(simulate.path(optimizer, normals=given, **settings))
        np.testing.assert_allclose(runs.end[run], path[-1], rtol=1e-10)
        np.testing.assert_allclose(runs.states[:, run], path[[0, 1, 64, 599]], rtol=1e-10)
        np.testing.assert_allclose(runs.largest_scale[run], path[:, 1].max(), rtol=1e-10)
        hit = simulate.first_hit(path, settings["target"], absolute_tolerance=tolerance)
        assert runs.first_hit[run] == (-1 if hit is None else hit)
        assert tolerance != 0.3 or hit is not None


def test_a_run_is_the_plain_loop_over_the_very_same_normals():
    runs = ENSEMBLE(runs=2, steps=500, dtype="float64")
    given = plain_loops.Given(streams.normals(KEY, 1, 500, dtype="float64"))
    slow, _ = plain_loops.tango(given, step_size=1e-3, limit=500)
    np.testing.assert_allclose(runs.end[1], slow[-1], rtol=1e-12)
    single = ENSEMBLE(runs=2, steps=500)
    np.testing.assert_allclose(single.end[1], slow[-1], rtol=1e-4)


def test_the_optimizer_can_start_in_a_given_state():
    state = TANGO.init(jnp.zeros(2))._replace(velocity=jnp.array([-10.0, 0.0]))
    moved = (
        ENSEMBLE(runs=2, steps=1, dtype="float64", initial_state=state).end
        - ENSEMBLE(runs=2, steps=1, dtype="float64").end
    )
    assert (moved[:, 0] > 0.005).all()


# the same whatever the computation


NEARBY = partial(simulate.ensemble, TANGO, target=TARGET, key=KEY, steps=700, checkpoints=[0, 3, 200, 700], **NEAR)


@pytest.fixture(scope="module")
def reference():
    return NEARBY(runs=130)


@pytest.mark.parametrize("chunk", [1000, 97, 64, 13])
def test_the_chunk_does_not_matter(reference, chunk):
    assert 0 < (reference.first_hit >= 0).mean() < 1
    assert_same(reference, NEARBY(runs=130, chunk=chunk))


@pytest.mark.parametrize(("first", "runs"), [(0, 1), (100, 30), (0, 1100), (127, 3000)])
def test_a_run_does_not_depend_on_the_others(reference, first, runs):
    other = NEARBY(runs=runs, first_run=first)
    shared = min(130, first + runs) - first
    part = other._replace(
        **{name: getattr(other, name)[:shared] for name in ("runs", "first_hit", "end", "largest_scale", "diverged")},
        states=other.states[:, :shared],
    )
    assert_same(reference, part, slice(first, first + shared))


def test_quantiles_are_those_of_the_states(reference):
    probabilities = [0.05, 0.5, 0.95]
    runs = NEARBY(runs=130, quantiles=probabilities)
    assert runs.states is None
    assert runs.quantiles.shape == (4, 3, 2)
    np.testing.assert_allclose(runs.quantiles, np.quantile(reference.states, probabilities, axis=1).swapaxes(0, 1))


def test_progress_is_told_after_every_chunk():
    told = []
    NEARBY(runs=2, chunk=300, progress=told.append)
    assert told == [3, 200, 300, 600, 700]


def test_diverged_runs_are_counted_and_the_others_kept():
    wild = tango(1e-3, 0.3)
    with pytest.warns(UserWarning, match=r"gamma must be less than 0\.0571 .* got 0\.3: runs may diverge") as warned:
        runs = simulate.ensemble(
            wild, START, TARGET, KEY, runs=60, steps=400, checkpoints=[0, 100, 400], quantiles=[0.5],
            absolute_tolerance=20,
        )  # fmt: skip
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert 0 < runs.diverged.sum() <= 60
    assert runs.finite[0] == 60
    assert runs.finite[-1] == 60 - runs.diverged.sum()
    np.testing.assert_array_equal(runs.diverged, ~np.isfinite(runs.end).all(axis=1))
    np.testing.assert_array_equal(runs.first_hit[~runs.diverged] >= 0, True)


@pytest.mark.parametrize(
    ("gamma", "settings", "where"),
    [
        (0.015, {"start": (2.0, 1.0), "target": (0.0, 0.2)}, r"0\.0129 to be stable at mean 0 and .* 0\.2, got 0\.015"),
        (0.06, {}, r"0\.0571 to be stable at mean 10 and"),
        (0.2, {"coordinates": "expectation"}, r"0\.00208 to be stable at mean 9\.5 and"),
    ],
)
def test_a_gamma_past_its_bound_is_warned_of(gamma, settings, where):
    with pytest.warns(UserWarning, match="gamma must be less than " + where):
        simulate.ensemble(tango(1e-3, gamma), key=KEY, runs=1, steps=1, **({"target": TARGET} | NEAR | settings))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"runs": 0}, ValueError, "runs must be at least 1, got 0"),
        ({"steps": -5}, ValueError, "steps must be at least 1, got -5"),
        ({"steps": 2**31}, ValueError, "steps must be at most .* got 2147483648"),
        ({"steps": 1e3}, TypeError, r"steps must be an integer, got 1000\.0"),
        ({"chunk": 0}, ValueError, "chunk must be at least 1, got 0"),
        ({"first_run": -1}, ValueError, "first_run must be at least 0, got -1"),
        ({"first_run": 2**32}, ValueError, "first_run . runs must be at most 4294967296"),
        ({"pseudo_samples": -1}, ValueError, "pseudo_samples must be at least 0, got -1"),
        ({"key": 0}, TypeError, r"key must be one threefry2x32 key, made by jax\.random\.key\(seed\), got 0"),
        ({"key": jax.random.PRNGKey(0)}, TypeError, r"key must be .* shape \(2,\) and dtype uint32"),
        ({"key": jax.random.key(0, impl="rbg")}, TypeError, "key must be one threefry2x32 key"),
        ({"key": jax.random.split(KEY, 2)}, TypeError, r"key must be one .* shape \(2,\)"),
        ({"start": (0.0, -1.0)}, ValueError, "start must have a standard deviation"),
        ({"target": (0.0, np.nan)}, ValueError, "target must be finite"),
        ({"coordinates": "polar"}, ValueError, "coordinates must be one of"),
        ({"averaging": 2.0}, ValueError, r"averaging must be in \(0, 1\]"),
        ({"checkpoints": [3, 2]}, ValueError, r"checkpoints must increase, .*got \[3, 2\]"),
        ({"checkpoints": [11]}, ValueError, "checkpoints must increase, from 0 .* to 10"),
        ({"checkpoints": [0.5]}, TypeError, "checkpoints must be a sequence of integers"),
        ({"quantiles": [1.5]}, ValueError, r"quantiles must be in \[0, 1\]"),
        ({"absolute_tolerance": -1.0}, ValueError, "absolute_tolerance must be at least 0"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64, got float16"),
    ],
)
def test_wrong_arguments_are_named(change, error, message):
    with pytest.raises(error, match=message):
        simulate.ensemble(TANGO, **({"start": START, "target": TARGET, "key": KEY, "runs": 2, "steps": 10} | change))


# devices, hosts and the script

COMMON = {"rule": "tango", "runs": 1100, "steps": 700, "seed": 3, "step-size": 1e-3, "start": "9.5 1.3"}
COMMON = [word for name, value in COMMON.items() for word in f"--{name} {value}".split()]
COMMON += ["--tolerance", "0.3", "--checkpoint-every", "350"]


def script(*arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)],
        stderr=subprocess.PIPE, text=True, env=clean | environment,
    )  # fmt: skip


def finish(process):
    """Exit status and what was said."""
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def whole():
    return simulate.ensemble(TANGO, target=TARGET, key=KEY, runs=1100, steps=700, checkpoints=[0, 350, 700], **NEAR)


def assert_file_is(path, whole):
    with np.load(path) as file:
        settings = json.loads(str(file["settings"]))
        assert {"rule": "tango", "seed": 3, "gamma": 0.01, "runs": 1100}.items() <= settings.items()
        for name, value in whole._asdict().items():
            if value is not None:
                np.testing.assert_array_equal(file[name], value, err_msg=name)
    assert not path.with_name(path.name + ".parts").exists()


def test_several_devices_make_the_same_runs(tmp_path, whole):
    status, said = finish(script(*COMMON, "--out", tmp_path / "a.npz", "--cpu-devices", 3))
    assert status == 0, said
    assert "on 3 devices" in said
    assert_file_is(tmp_path / "a.npz", whole)


def test_two_processes_make_the_same_runs(tmp_path, whole):
    cluster = ["--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", 2, "--cpu-devices", 1]
    both = [script(*COMMON, "--out", tmp_path / "a.npz", *cluster, "--process-id", i) for i in range(2)]
    for status, said in map(finish, both):
        assert status == 0, said
    assert_file_is(tmp_path / "a.npz", whole)


def test_the_scheduler_tells_the_cluster(tmp_path, whole):
    """What `srun` sets for two tasks on this machine."""
    job = {"SLURM_JOB_ID": str(free_port()), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    job |= {"SLURM_STEP_NUM_TASKS": "2"}
    both = [
        script(*COMMON, "--out", tmp_path / "a.npz", "--cpu-devices", 1, **job, SLURM_PROCID=str(i), SLURM_LOCALID="0")
        for i in range(2)
    ]
    for status, said in map(finish, both):
        assert status == 0, said
    assert_file_is(tmp_path / "a.npz", whole)


@pytest.mark.parametrize("victim", [0, 1])
def test_a_dead_process_ends_the_others_with_a_message(tmp_path, victim):
    arguments = [*COMMON, "--steps", 10**8, "--out", tmp_path / "a.npz", "--num-processes", 2, "--cpu-devices", 1]
    arguments += ["--coordinator", f"127.0.0.1:{free_port()}", "--timeout", 5]
    both = [script(*arguments, "--process-id", i) for i in range(2)]
    note = tmp_path / "a.npz.parts" / "settings.json"
    deadline = time.monotonic() + 60
    while not note.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(both[victim].pid, signal.SIGKILL)
    assert finish(both[victim])[0] == -signal.SIGKILL
    status, said = finish(both[1 - victim])
    assert status == 1
    assert "a process failed or its host died" in said
    assert not (tmp_path / "a.npz").exists()


def test_an_interrupted_sweep_goes_on_with_forced_host_devices(tmp_path, whole):
    arguments = [*COMMON, "--out", tmp_path / "a.npz", "--part-runs", 50]
    process = script(*arguments, "--cpu-devices", 1)
    parts = tmp_path / "a.npz.parts"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("runs-*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    there = {path.name: path.stat().st_mtime_ns for path in parts.glob("runs-*.npz")}
    assert there
    assert not (tmp_path / "a.npz").exists()

    other = [*arguments, "--seed", 4]
    status, said = finish(script(*other))
    assert status == 2
    assert "parts of another sweep (seed: 3 there, 4 now)" in said
    assert {path.name: path.stat().st_mtime_ns for path in parts.glob("runs-*.npz")} == there

    flags = "--xla_force_host_platform_device_count=2"
    status, said = finish(script(*arguments[:-2], XLA_FLAGS=flags))
    assert status == 0, said
    assert "on 2 devices" in said
    assert f"going on: {50 * len(there)} of 1100 runs are there" in said
    assert_file_is(tmp_path / "a.npz", whole)


def test_an_existing_output_is_kept(tmp_path):
    out = tmp_path / "a.npz"
    out.write_text("precious")
    status, said = finish(script(*COMMON, "--out", out))
    assert status == 2
    assert "exists; give --overwrite to replace it" in said
    assert out.read_text() == "precious"


def test_overwriting_and_a_large_gamma(tmp_path):
    out = tmp_path / "a.npz"
    out.write_text("old")
    wild = ["--runs", 20, "--part-runs", 10, "--gamma", 0.3, "--start", 0, 1]
    status, said = finish(script(*COMMON, *wild, "--out", out, "--overwrite"))
    assert status == 0, said
    assert said.count("warning: gamma must be less than 0.0571 to be stable at mean 0 and") == 1
    with np.load(out) as file:
        diverged = file["diverged"].sum()
    assert diverged > 0
    assert f"{diverged} diverged" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--runs 0", "argument --runs: must be at least 1, got 0"),
        ("--steps -1", "argument --steps: must be at least 1, got -1"),
        ("--step-size 0", r"argument --step-size: must be in (0, 1], got 0.0"),
        ("--gamma nan", "argument --gamma: must be finite, got nan"),
        ("--rule sgd --gamma 0.1", "argument --gamma: the rule sgd has none"),
        ("--rule newton", "argument --rule: invalid choice: 'newton'"),
        ("--target 1 0", "argument --target: must have a standard deviation greater than 0, got 0.0"),
        ("--out a.csv", "argument --out: must end in .npz, got a.csv"),
        ("--coordinator localhost:1", "belong together"),
        ("--coordinator localhost:1 --num-processes 2 --process-id 2", "argument --process-id: must be from 0 to 1"),
    ],
)
def test_a_wrong_argument_ends_with_status_2(arguments, message, capsys):
    import runpy

    parse = runpy.run_path(str(SCRIPT))["parse"]
    with pytest.raises(SystemExit) as ended:
        parse([*COMMON, "--out", "a.npz", *arguments.split()])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
