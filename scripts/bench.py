"""Time the fast routines beside the plain loops of tests/plain_loops.py: a table, and _build/bench.json.

    python scripts/bench.py

Every measurement runs in a process of its own, one after the other. A record has `name`, `seconds`,
`ratio_to_plain_loop` (how many times faster a step or the same work is), `steps_per_second` where it applies, and
what else there is to say. On a machine with a GPU that JAX can use, `ensemble_gpu` is among them.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "_build" / "bench.json"
START, TARGET, GAMMA, STEP_SIZE, RATE, LIMIT = (0.0, 1.0), (10.0, 1.0), 1e-2, 1e-4, 1e-3, 100_000
RUNS, STEPS = 1024, 50_000


def best_time(function, repeats):
    """The least time of some calls, in seconds: the others were disturbed."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def figure1():
    """The three published runs from one legacy stream: paths and counts."""
    import numpy as np

    from straightlines import optimizers
    from straightlines.paths import Fit, first_hit, path

    random = np.random.RandomState(1234)
    random.uniform(size=4 * 3 * 1000)
    normals = random.standard_normal(LIMIT * 2)
    runs = {}
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(random.standard_normal, LIMIT * 2)  # the other runs' numbers, while the first one runs
        for name, fit in [
            ("TANGO", Fit(optimizers.tango(STEP_SIZE, GAMMA), START, TARGET)),
            ("SGD", Fit(_sgd(RATE), START, TARGET, pseudo_samples=0)),
            ("averaged SGD", Fit(_sgd(GAMMA), START, TARGET, pseudo_samples=0, averaging=STEP_SIZE)),
        ]:
            samples = 1 + fit.pseudo_samples
            states = path(fit, normals[: LIMIT * samples].reshape(LIMIT, samples), until=0.01)
            hit = first_hit(states, TARGET)
            runs[name] = states, hit
            used = samples * (LIMIT if hit is None else hit + 1)
            normals = np.concatenate([normals[used:], rest.result()]) if name == "TANGO" else normals[used:]
    return runs


@cache
def _sgd(rate):
    """SGD, made once: another one of the same rate would be compiled anew."""
    import optax

    return optax.sgd(rate)


@cache
def _numba_loop():
    """One of the three runs as a Numba loop over standard normals: path in (μ, σ), and how many normals it took."""
    import numba
    import numpy as np

    @numba.njit
    def loop(method, normals, limit):
        path = np.empty((limit, 2))
        mean, log_scale, v0, v1, used = START[0], np.log(START[1]), 0.0, 0.0, 0
        fast_mean, fast_log_scale = mean, log_scale
        for step in range(limit):
            at, log_at = (fast_mean, fast_log_scale) if method == 2 else (mean, log_scale)
            scale = np.exp(log_at)
            r = (TARGET[0] + TARGET[1] * normals[used] - at) / scale
            used += 1
            g0, g1 = -r / scale, 1 - r * r
            if method == 0:
                p = normals[used]
                used += 1
                q0, q1 = -p / scale, 1 - p * p
                v0, v1 = (1 - STEP_SIZE) * v0, (1 - STEP_SIZE) * v1
                overlap = v0 * q0 + v1 * q1
                v0 += GAMMA * (g0 - overlap * q0)
                v1 += GAMMA * (g1 - overlap * q1)
                mean -= STEP_SIZE * v0
                log_scale -= STEP_SIZE * v1
            elif method == 1:
                mean -= RATE * g0
                log_scale -= RATE * g1
            else:
                fast_mean -= GAMMA * g0
                fast_log_scale -= GAMMA * g1
                mean += STEP_SIZE * (fast_mean - mean)
                log_scale += STEP_SIZE * (fast_log_scale - log_scale)
            path[step] = mean, np.exp(log_scale)
            if abs(path[step, 0] - TARGET[0]) <= 0.01 + 1e-5 * TARGET[0] and abs(path[step, 1] - TARGET[1]) <= 0.01001:
                return path[: step + 1], used
        return path, used

    return loop


def figure1_numba():
    """The three published runs by Numba, with their draw: name to path."""
    import numpy as np

    random = np.random.RandomState(1234)
    random.uniform(size=4 * 3 * 1000)
    normals, runs = random.standard_normal(LIMIT * 4), {}
    for method, name in enumerate(["TANGO", "SGD", "averaged SGD"]):
        runs[name], used = _numba_loop()(method, normals, LIMIT)
        normals = normals[used:]
    return runs


# each of these returns records; it runs in its own process


def measure_plain_loops():
    """The plain loops of the figure and their compiled twins, in one process."""
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    sys.path.insert(0, str(ROOT / "tests"))
    import plain_loops

    begin = time.perf_counter()
    fast = figure1()
    cold = time.perf_counter() - begin

    begin = time.perf_counter()
    tango = plain_loops.tango(random := plain_loops.legacy_stream())
    tango_seconds = time.perf_counter() - begin
    slow = {"TANGO": tango, "SGD": plain_loops.sgd(random), "averaged SGD": plain_loops.averaged_sgd(random)}
    plain = time.perf_counter() - begin

    warm = best_time(figure1, 10)
    numba_runs = figure1_numba()
    numba_warm = best_time(figure1_numba, 10)
    difference = max(np.abs(fast[name][0] - slow[name][0]).max() for name in slow)
    steps = sum(len(path) - 1 for path, _ in slow.values())
    counts = [slow[name][1] for name in slow]
    same = counts == [fast[name][1] for name in slow] == [len(numba_runs[name]) - 1 for name in slow]
    agreement = {"counts": counts, "same_counts": same, "largest_difference_of_paths": float(difference)}
    return [
        {"name": "plain_loops", "seconds": plain, "steps": steps},
        {"name": "plain_loop_tango", "seconds": tango_seconds, "steps": len(tango[0]) - 1},
        {"name": "figure1_warm", "seconds": warm, "steps": steps} | agreement,
        {"name": "figure1_cold", "seconds": cold, "steps": steps},
        {"name": "figure1_numba", "seconds": numba_warm, "steps": steps, "times_of_figure1_warm": warm / numba_warm},
    ]


def _ensemble(runs, steps, repeats=5):
    import jax

    from straightlines.ensembles import ensemble
    from straightlines.optimizers import tango
    from straightlines.paths import Fit

    fit, key = Fit(tango(STEP_SIZE, GAMMA), START, TARGET), jax.random.key(0)

    def run():
        return ensemble(fit, key, runs=runs, steps=steps)

    begin = time.perf_counter()
    result = run()
    cold = time.perf_counter() - begin
    return {"seconds": best_time(run, repeats), "steps": runs * steps, "seconds_with_compilation": cold}, result


def measure_ensemble(name):
    """An ensemble on all the devices of this process."""
    import jax

    on_gpu = jax.devices()[0].platform == "gpu"
    if name == "ensemble_gpu" and not on_gpu:
        return []
    record, _ = _ensemble(RUNS * (256 if on_gpu else 1), STEPS)
    return [{"name": name, "devices": f"{jax.device_count()} {jax.devices()[0].device_kind}"} | record]


def measure_growth():
    """Time and the peak of memory as the steps and the runs of an ensemble grow."""
    import resource

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    _ensemble(RUNS, 1000, 1)
    records = []
    for runs, steps in [(RUNS, 5_000), (RUNS, 10_000), (RUNS, 40_000), (4 * RUNS, 5_000), (256 * RUNS, 64)]:
        before = peak()
        record, _ = _ensemble(runs, steps, 1)
        grown = {"runs": runs, "peak_memory_grew_by_bytes": peak() - before}
        records.append({"name": f"ensemble_{runs}_runs_{steps}_steps"} | record | grown)
    return records


def measure_numba():
    """The same arithmetic on the same random numbers as a Numba loop, run by run, on one thread."""
    import jax
    import numba
    import numpy as np

    from straightlines import streams

    f4, u4 = np.float32, np.uint32
    cosine, sine = (np.array(c, np.float32) for c in (streams._COSINE, streams._SINE))

    @numba.njit
    def random_words(key0, key1, counter0, counter1):
        key2 = u4(key0 ^ key1 ^ u4(0x1BD11BDA))
        keys = (key0, key1, key2)
        a, b = u4(counter0 + key0), u4(counter1 + key1)
        for group in range(5):
            for rotation in (13, 15, 26, 6) if group % 2 == 0 else (17, 29, 16, 24):
                a = u4(a + b)
                b = u4(u4(u4(b << u4(rotation)) | u4(b >> u4(32 - rotation))) ^ a)
            a = u4(a + keys[(group + 1) % 3])
            b = u4(b + keys[(group + 2) % 3] + u4(group + 1))
        return a, b

    @numba.njit(fastmath=True)
    def loop(keys, steps, end, first_hit, largest_scale):
        for run in range(keys.shape[1]):
            mean, log_scale, v0, v1 = f4(0), f4(0), f4(0), f4(0)
            scale, largest, hit = f4(1), f4(1), -1
            for step in range(steps):
                first, second = random_words(keys[0, run], keys[1, run], u4(0), u4(step))
                radius = np.sqrt(f4(-2) * np.log((f4(first) + f4(0.5)) * f4(2.0**-32)))
                x = f4(np.int32(second)) * f4(2.0**-31)
                c, s = cosine[-1], sine[-1]
                for i in range(len(cosine) - 2, -1, -1):
                    c, s = c * x * x + cosine[i], s * x * x + sine[i]
                r = (f4(10) + radius * c - mean) / scale
                p = radius * x * s
                g0, g1, q0, q1 = -r / scale, f4(1) - r * r, -p / scale, f4(1) - p * p
                v0, v1 = v0 * f4(1 - STEP_SIZE), v1 * f4(1 - STEP_SIZE)
                overlap = v0 * q0 + v1 * q1
                v0 += f4(GAMMA) * (g0 - overlap * q0)
                v1 += f4(GAMMA) * (g1 - overlap * q1)
                mean -= f4(STEP_SIZE) * v0
                log_scale -= f4(STEP_SIZE) * v1
                scale = np.exp(log_scale)
                largest = max(largest, scale)
                if hit < 0 and abs(mean - f4(10)) <= f4(0.0101) and abs(scale - f4(1)) <= f4(0.01001):
                    hit = step
            end[run, 0], end[run, 1], first_hit[run], largest_scale[run] = mean, scale, hit, largest

    def run(steps=STEPS):
        keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), np.arange(RUNS))
        keys = np.asarray(jax.random.key_data(keys)).T
        end = np.zeros((RUNS, 2), np.float32)
        loop(keys, steps, end, np.zeros(RUNS, np.int64), np.zeros(RUNS, np.float32))
        return end

    run(1)
    _, result = _ensemble(RUNS, STEPS, 1)
    difference = float(np.abs(run() - result.end).max())
    return [
        {
            "name": "numba_loop",
            "seconds": best_time(run, 2),
            "steps": RUNS * STEPS,
            "largest_difference_to_ensemble": difference,
        }
    ]


MEASUREMENTS = {
    "plain_loops": (measure_plain_loops, None),
    "numba_loop": (measure_numba, 1),
    "ensemble_one_device": (lambda: measure_ensemble("ensemble_one_device"), 1),
    "ensemble_two_devices": (lambda: measure_ensemble("ensemble_two_devices"), 2),
    "growth": (measure_growth, 1),
    "ensemble_gpu": (lambda: measure_ensemble("ensemble_gpu"), None),
}


def in_a_process(name):
    """The records of one measurement, from a new process."""
    devices = MEASUREMENTS[name][1]
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2")
    if name == "ensemble_gpu":
        environment.pop("JAX_PLATFORMS", None)
    else:
        environment["JAX_PLATFORMS"] = "cpu"
    environment.pop("XLA_FLAGS", None)
    if devices is not None:
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    command = [sys.executable, __file__, "--only", name]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def with_ratios(records):
    """The records with steps a second and the ratio to the plain loop that does the same."""
    by_name = {record["name"]: record for record in records}
    plain = by_name["plain_loop_tango"]
    for record in records:
        whole_figure = record["name"].startswith(("figure1", "plain_loops"))
        reference = by_name["plain_loops"] if whole_figure else plain
        record["steps_per_second"] = record["steps"] / record["seconds"]
        record["ratio_to_plain_loop"] = record["steps_per_second"] / (reference["steps"] / reference["seconds"])
    return records


def table(records):
    lines = [f"{'':32}{'seconds':>10}{'million steps/s':>18}{'times the plain loop':>22}"]
    for record in records:
        lines.append(
            f"{record['name']:32}{record['seconds']:10.4g}{record['steps_per_second'] / 1e6:18.4g}"
            f"{record['ratio_to_plain_loop']:22.4g}"
        )
        extra = {k: v for k, v in record.items() if k in {"peak_memory_grew_by_bytes", "largest_difference_of_paths"}}
        lines += [f"    {key.replace('_', ' ')}: {value:.3g}" for key, value in extra.items()]
    return "\n".join(lines)


def write(records):
    OUTPUT.parent.mkdir(exist_ok=True)
    temporary = OUTPUT.with_name(f".{OUTPUT.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(records, indent=1) + "\n")
        os.replace(temporary, OUTPUT)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=MEASUREMENTS, help="print the records of one measurement, as JSON")
    only = parser.parse_args().only
    if only:
        print(json.dumps(MEASUREMENTS[only][0]()))
        return 0
    records = []
    for name in MEASUREMENTS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            records += in_a_process(name)
        except subprocess.CalledProcessError as error:
            print(f"{name} failed with status {error.returncode}; no record was written", file=sys.stderr)
            return 1
    print(table(with_ratios(records)))
    write(records)
    print(f"{OUTPUT.relative_to(ROOT)} holds these records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
