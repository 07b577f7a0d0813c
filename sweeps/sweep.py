"""Many runs of one update rule on the Gaussian fit, on all devices of a machine or a cluster, into one .npz file.

    python -m sweeps.sweep --rule tango --runs 100000 --steps 300000 --seed 1 --out tango.npz

On a cluster, start the same command once on every host, with `srun` or Open MPI's `mpirun`: the hosts find one another
in what these put into the environment. Process 0 writes; on processors the results are the same, bit for bit, on any
number of devices and hosts. A processor is as many devices as it has cores, or as JAX_NUM_CPU_DEVICES says.

The runs are made in parts, each kept in the folder OUT.parts as soon as it is finished: after an interruption, the same
command goes on where the last one stopped. OUT holds the fields of `straightlines.ensembles.Ensemble`, but for the
states on the way, and `settings`, a JSON object.

Exit status: 0 done, 1 a process or its host failed, 2 a wrong argument, 130 interrupted.
"""

import argparse
import ctypes
import json
import os
import shutil
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax
from jax.experimental import multihost_utils
from tqdm import tqdm

from straightlines import _checks, ensembles, optimizers
from straightlines.gaussian import COORDINATES, tango_gamma_bound
from straightlines.paths import Fit

# what --step-size and --gamma are by default
RULES = {"tango": (1e-4, 1e-2), "sgd": (1e-3, None), "averaged-sgd": (1e-4, 1e-2), "moving-average": (1e-4, None)}
SETTINGS = ("rule", "runs", "first_run", "steps", "seed", "step_size", "gamma", "start", "target", "tolerance")
SETTINGS += ("dtype", "part_runs")  # what makes a result; how it is computed is not among them
DEAD = "a process failed or its host died; the finished parts are kept, and the same command goes on with them"


class SweepError(Exception):
    """Something that a sentence explains: the sentence and the exit status."""


def say(message: str) -> None:
    print(f"sweep: {message}", file=sys.stderr, flush=True)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The arguments, checked: a wrong one ends the program with status 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rule", choices=RULES, required=True)
    add("--runs", type=int, required=True, help="how many runs")
    add("--steps", type=int, required=True, help="steps of each run")
    add("--seed", type=int, default=0, help="of the random key (default 0)")
    add("--out", type=Path, required=True, help="the .npz file to write")
    add("--first-run", type=int, default=0, help="index of the first run, to extend an earlier sweep (default 0)")
    add("--step-size", type=float, help="δt, or the rate of sgd (default 1e-4, sgd 1e-3)")
    add("--gamma", type=float, help="γ of tango, or the inner rate of averaged-sgd (default 1e-2)")
    add("--start", type=float, nargs=2, default=[0.0, 1.0], metavar=("MU", "SIGMA"), help="(default 0 1)")
    add("--target", type=float, nargs=2, default=[10.0, 1.0], metavar=("MU", "SIGMA"), help="(default 10 1)")
    add("--tolerance", type=float, default=0.01, help="absolute tolerance of the first hit (default 0.01)")
    add("--dtype", choices=["float32", "float64"], default="float32")
    add("--overwrite", action="store_true", help="replace OUT if it exists, and drop parts of another sweep")
    add("--part-runs", type=int, default=2**14, help="runs of a part (default 16384; a large GPU likes ten times that)")
    add("--timeout", type=int, default=60, help="seconds after which a silent host counts as dead (default 60)")
    args = parser.parse_args(arguments)

    step_size, gamma = RULES[args.rule]
    if args.gamma is not None and gamma is None:
        parser.error(f"argument --gamma: the rule {args.rule} has none")
    args.step_size = step_size if args.step_size is None else args.step_size
    args.gamma = gamma if args.gamma is None else args.gamma
    checks = [
        (_checks.count, "part_runs timeout"),
        (partial(_checks.count, most=2**32), "runs"),
        (partial(_checks.count, most=ensembles.MOST_STEPS), "steps"),
        (partial(_checks.count, least=0, most=2**32 - args.runs), "first_run"),
        (partial(_checks.count, least=0, most=2**32 - 1), "seed"),  # without x64 JAX drops the bits above these
        (partial(_checks.array, shape=(), allowed="at least 0"), "tolerance"),
        (partial(_checks.array, shape=(), allowed="in (0, 1]"), "step_size gamma"),
        (_checks.mean_scale, "start target"),
    ]
    try:
        for check, names in checks:
            for name in names.split():
                if getattr(args, name) is not None:
                    check(f"argument --{name.replace('_', '-')}:", getattr(args, name))
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    if args.out.suffix != ".npz" or args.out.is_dir() or not args.out.parent.is_dir():
        parser.error(f"argument --out: must be a file that ends in .npz, in a folder that is there, got {args.out}")
    return args


def fit_of(settings: dict) -> Fit:
    """What a rule runs."""
    rule, step_size, gamma = (settings[name] for name in ("rule", "step_size", "gamma"))
    ends = {"start": np.asarray(settings["start"], settings["dtype"]), "target": settings["target"]}
    if rule == "tango":
        return Fit(optimizers.tango(step_size, gamma), **ends)
    if rule == "sgd":
        return Fit(optax.sgd(step_size), **ends, pseudo_samples=0)
    if rule == "averaged-sgd":
        return Fit(optax.sgd(gamma), **ends, pseudo_samples=0, averaging=step_size)
    return Fit(optimizers.moving_average(step_size), **ends, pseudo_samples=0, coordinates="expectation")


def warn_of_gamma(gamma: float, start, target) -> None:
    """Say so if γ is past TANGO's bound at the start or at the target."""
    points = [COORDINATES["log scale"].from_mean_scale(np.asarray(point)) for point in (start, target)]
    if gamma >= (bound := min(map(tango_gamma_bound, points))):
        say(f"warning: --gamma {gamma} is not below {bound:.3g}, the bound at the start and target: runs may diverge")


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _explain_abort(number: int) -> None:
    say(f"error: {DEAD}")
    os._exit(1)


def _interrupt(number: int, frame) -> None:
    """End at once: an exception that is raised while the garbage collector calls JAX is lost."""
    print(file=sys.stderr)
    say("interrupted; the finished parts are kept, and the same command goes on with them")
    os._exit(130)


def join_cluster(timeout: int) -> bool:
    """Join the other processes, if there are any. Whether there are."""
    if {os.environ.get(name, "1") for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")} == {"1"}:
        return False
    try:  # what carries the arrays from process to process looks itself up by name
        socket.getaddrinfo(socket.gethostname(), None)
    except OSError as error:
        name = socket.gethostname()
        raise SweepError(f"this host's own name, {name}, does not resolve: {error.strerror}", 1) from error
    try:
        jax.distributed.initialize(initialization_timeout=timeout, heartbeat_timeout_seconds=timeout)
    except Exception as error:
        raise SweepError(f"the processes did not find one another within {timeout} s: {error}", 1) from error
    # JAX's answer to a dead process is to abort this one, from a thread where Python handles no signal
    ctypes.CDLL(None).signal(signal.SIGABRT, _explain_abort)
    return jax.process_count() > 1


def write(path: Path, save) -> None:
    """Write a file in one step: afterwards it is there as a whole, or not at all. `save` gets the open file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            save(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def open_folder(args: argparse.Namespace, folder: Path, settings: dict) -> None:
    """Make the folder of the parts, or go on with one of the same settings."""
    if args.out.exists() and not args.overwrite:
        raise SweepError(f"--out: {args.out} exists; give --overwrite to replace it", 2)
    note = folder / "settings.json"
    try:
        old = dict(json.loads(note.read_text())) if folder.exists() else settings
    except (OSError, TypeError, ValueError):
        old = {}
    changed = [f"{name}: {old.get(name)} there, {new} now" for name, new in settings.items() if old.get(name) != new]
    if changed and not args.overwrite:
        which = f"{folder} holds parts of another sweep ({'; '.join(changed)})"
        raise SweepError(f"{which}: go on with its settings, or give --overwrite to drop it", 2)
    try:
        if changed:
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
        write(note, lambda file: file.write(json.dumps(settings, indent=1).encode()))
    except OSError as error:
        raise SweepError(f"--out: {folder} cannot be written: {error.strerror}", 2) from error


def sweep(args: argparse.Namespace, several: bool) -> None:
    """Do the parts that are missing and put all of them together."""
    first = jax.process_index() == 0
    settings = {name: getattr(args, name) for name in SETTINGS} | {"jax": jax.__version__}
    folder, last = args.out.with_name(args.out.name + ".parts"), args.first_run + args.runs
    parts = [(run, min(args.part_runs, last - run)) for run in range(args.first_run, last, args.part_runs)]
    paths = [folder / f"runs-{run}-{run + size - 1}.npz" for run, size in parts]

    def from_first(values):
        return multihost_utils.broadcast_one_to_all(np.asarray(values, np.int32)) if several else values

    refused = None
    try:
        if first:
            open_folder(args, folder, settings)
            if args.rule == "tango":
                warn_of_gamma(args.gamma, args.start, args.target)
    except SweepError as error:
        refused = error
    if status := int(from_first(refused.args[1] if refused else 0)):
        raise refused or SweepError("process 0 has refused: see its message", status)
    there = from_first([path.exists() for path in paths])
    missing = [part for part, made in zip(parts, there, strict=True) if not made]
    to_make = sum(size for _, size in missing)
    if first and to_make < args.runs:
        say(f"going on: {args.runs - to_make} of {args.runs} runs are there")
    keep, fit, key = ensembles.Keep((), args.tolerance), fit_of(settings), jax.random.key(args.seed)
    began, every = time.perf_counter(), 0.5 if sys.stderr.isatty() else 30
    with tqdm(total=to_make * args.steps, unit="step", unit_scale=True, mininterval=every, disable=not first) as bar:
        for run, size in missing:
            options = {"runs": size, "steps": args.steps, "first_run": run, "keep": keep, "progress": bar.update}
            made = ensembles.ensemble(fit, key, **options)._asdict()
            del made["states"]
            if first:
                write(paths[parts.index((run, size))], lambda file: np.savez(file, **made))  # noqa: B023
    if first:
        made = [dict(np.load(path)) for path in paths]
        whole = {name: np.concatenate([part[name] for part in made]) for name in made[0]}
        write(args.out, lambda file: np.savez(file, settings=np.array(json.dumps(settings)), **whole))
        shutil.rmtree(folder)
        seconds = time.perf_counter() - began
        say(
            f"{args.out}: {args.runs} runs of {args.steps} steps, {(whole['first_hit'] >= 0).sum()} hit the target, "
            f"{whole['diverged'].sum()} diverged; {to_make} of them made now in {seconds:.1f} s on "
            f"{jax.device_count()} devices, {to_make * args.steps / seconds / 1e6:.1f} million steps a second"
        )
    if several:
        multihost_utils.sync_global_devices("the output is written")


def main() -> int:
    args = parse()
    several = False
    signal.signal(signal.SIGINT, _interrupt)
    try:
        jax.config.update("jax_enable_x64", args.dtype == "float64")
        if jax.config.jax_num_cpu_devices < 0 and "host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
            jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
        several = join_cluster(args.timeout)
        sweep(args, several)
        return 0
    except SweepError as failure:
        message, status = failure.args
        say(f"error: {message}")
    except Exception as error:
        if not several:
            raise
        say(f"error: {DEAD} ({type(error).__name__}: {error})")
        status = 1
    if several:  # the usual way out would wait for the other processes, which may be dead
        os._exit(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
