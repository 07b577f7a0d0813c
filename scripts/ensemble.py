"""Many runs of one update rule on the Gaussian fit, on all devices of a machine or a cluster, into one .npz file.

    python scripts/ensemble.py --rule tango --runs 100000 --steps 300000 --seed 1 --out tango.npz

On a cluster, start the same command once on every host, with `srun` or Open MPI's `mpirun`: the hosts find one another
in the scheduler's environment. Elsewhere name them: `--coordinator HOST:PORT --num-processes N --process-id I`, with I
from 0. Process 0 writes; the results are the same, bit for bit, on any number of devices and hosts.

The runs are made in parts, each kept in the folder OUT.parts as soon as it is finished: after an interruption, the same
command goes on where the last one stopped. OUT holds the fields of `straightlines.simulate.Ensemble` and `settings`, a
JSON object.

Exit status: 0 done, 1 a process or its host failed, 2 a wrong argument, 130 interrupted.
"""

import argparse
import ctypes
import hashlib
import io
import json
import os
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import optax
from jax.experimental import multihost_utils
from tqdm import tqdm

from straightlines import _checks, optimizers, simulate

RULES = ("tango", "sgd", "averaged-sgd", "moving-average")
SETTINGS = ("rule", "runs", "first_run", "steps", "seed", "step_size", "gamma", "start", "target", "tolerance")
SETTINGS += ("checkpoint_every", "dtype", "part_runs")  # what makes a result; how it is computed is not among them


class SweepError(Exception):
    """Something that a sentence explains, and its exit status."""

    def __init__(self, message: str, status: int = 1):
        super().__init__(message)
        self.status = status


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
    add("--checkpoint-every", type=int, metavar="STEPS", help="keep the states every so many steps")
    add("--dtype", choices=["float32", "float64"], default="float32")
    add("--overwrite", action="store_true", help="replace OUT if it exists, and drop parts of another sweep")
    add("--part-runs", type=int, help="runs of a part (default: enough to fill the devices, 4096 or more)")
    add("--cpu-devices", type=int, help="devices to make of this processor (default: its cores)")
    add("--coordinator", metavar="HOST:PORT", help="address of process 0, where no scheduler tells it")
    add("--num-processes", type=int)
    add("--process-id", type=int)
    add("--timeout", type=int, default=60, help="seconds after which a silent host counts as dead (default 60)")
    args = parser.parse_args(arguments)

    if args.step_size is None:
        args.step_size = 1e-3 if args.rule == "sgd" else 1e-4
    if args.gamma is not None and args.rule not in ("tango", "averaged-sgd"):
        parser.error(f"argument --gamma: the rule {args.rule} has none")
    if args.gamma is None and args.rule in ("tango", "averaged-sgd"):
        args.gamma = 1e-2
    try:
        for name, least in [("runs", 1), ("steps", 1), ("seed", 0), ("first_run", 0), ("timeout", 1)]:
            _checks.count(f"argument --{name.replace('_', '-')}:", getattr(args, name), least)
        for name in ("checkpoint_every", "part_runs", "cpu_devices", "num_processes"):
            if getattr(args, name) is not None:
                _checks.count(f"argument --{name.replace('_', '-')}:", getattr(args, name))
        _checks.unit_interval("argument --step-size:", args.step_size)
        if args.gamma is not None:
            _checks.unit_interval("argument --gamma:", args.gamma)
        _checks.at_least_zero("argument --tolerance:", args.tolerance)
        _checks.mean_scale("argument --start:", args.start)
        _checks.mean_scale("argument --target:", args.target)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    cluster = (args.coordinator, args.num_processes, args.process_id)
    if any(value is not None for value in cluster):
        if any(value is None for value in cluster):
            parser.error("--coordinator, --num-processes and --process-id belong together: give all three or none")
        if not 0 <= args.process_id < args.num_processes:
            parser.error(f"argument --process-id: must be from 0 to {args.num_processes - 1}, got {args.process_id}")
    if args.out.suffix != ".npz":
        parser.error(f"argument --out: must end in .npz, got {args.out}")
    return args


DEAD = "a process failed or its host died; the finished parts are kept, and the same command goes on with them"


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _explain_abort(number: int) -> None:
    say(f"error: {DEAD}")
    os._exit(1)


def join_cluster(args: argparse.Namespace) -> bool:
    """Join the other processes, if there are any. Whether there are."""
    options = {"initialization_timeout": args.timeout, "heartbeat_timeout_seconds": args.timeout}
    scheduled = max(int(os.environ.get(name, 1)) for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"))
    if args.coordinator is None and scheduled == 1:
        return False
    try:
        if args.coordinator is not None:
            jax.distributed.initialize(args.coordinator, args.num_processes, args.process_id, **options)
        else:
            jax.distributed.initialize(**options)
    except Exception as error:
        raise SweepError(f"the processes did not find one another within {args.timeout} s: {error}") from error
    # JAX's answer to a dead process is to abort this one, from a thread where Python handles no signal
    ctypes.CDLL(None).signal(signal.SIGABRT, _explain_abort)
    return jax.process_count() > 1


def rule_of(args: argparse.Namespace) -> dict:
    """The arguments of `simulate.ensemble` that make the rule."""
    if args.rule == "tango":
        return {"optimizer": optimizers.tango(args.step_size, args.gamma)}
    if args.rule == "sgd":
        return {"optimizer": optax.sgd(args.step_size), "pseudo_samples": 0}
    if args.rule == "averaged-sgd":
        return {"optimizer": optax.sgd(args.gamma), "pseudo_samples": 0, "averaging": args.step_size}
    average = optimizers.moving_average(args.step_size)
    return {"optimizer": average, "pseudo_samples": 0, "coordinates": "expectation"}


def write(path: Path, data: bytes) -> None:
    """Write a file in one step: afterwards it is there as a whole, or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def packed(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class Parts:
    """The finished parts of a sweep, in a folder beside the output."""

    def __init__(self, args: argparse.Namespace):
        self.out = args.out
        self.folder = args.out.with_name(args.out.name + ".parts")
        if args.out.exists() and not args.overwrite:
            raise SweepError(f"--out: {args.out} exists; give --overwrite to replace it", 2)
        if not args.out.parent.is_dir():
            raise SweepError(f"--out: there is no folder {args.out.parent}", 2)
        note = self.folder / "settings.json"
        old = json.loads(note.read_text()) if note.exists() else None
        if old and args.part_runs is None:
            args.part_runs = old["part_runs"]
        if args.part_runs is None:
            device = jax.devices()[0]
            args.part_runs = max(4096, jax.device_count() * (1024 if device.platform == "cpu" else 2**17))
        self.settings = {name: getattr(args, name) for name in SETTINGS} | {"jax": jax.__version__}
        if old and old != self.settings:
            if not args.overwrite:
                changed = [f"{k}: {old.get(k)} there, {v} now" for k, v in self.settings.items() if old.get(k) != v]
                raise SweepError(
                    f"{self.folder} holds parts of another sweep ({'; '.join(changed)}): go on with its settings, "
                    "or give --overwrite to drop it",
                    2,
                )
            shutil.rmtree(self.folder)
        self.folder.mkdir(exist_ok=True)
        write(note, json.dumps(self.settings, indent=1).encode())
        size, last = args.part_runs, args.first_run + args.runs
        self.ranges = [(r, min(size, last - r)) for r in range(args.first_run, last, size)]

    def path(self, first: int, runs: int) -> Path:
        return self.folder / f"runs-{first}-{first + runs - 1}.npz"

    def done(self) -> list[bool]:
        return [self.path(*part).exists() for part in self.ranges]

    def keep(self, part: tuple[int, int], result: simulate.Ensemble) -> None:
        write(self.path(*part), packed(**{k: v for k, v in result._asdict().items() if v is not None}))

    def join(self) -> dict[str, np.ndarray]:
        """Write the output and drop the parts."""
        parts = [dict(np.load(self.path(*part))) for part in self.ranges]
        whole = {}
        for name in parts[0]:
            if name == "checkpoints":
                whole[name] = parts[0][name]
            elif name == "finite":
                whole[name] = sum(part[name] for part in parts)
            else:
                whole[name] = np.concatenate([part[name] for part in parts], axis=1 if name == "states" else 0)
        write(self.out, packed(settings=np.array(json.dumps(self.settings)), **whole))
        shutil.rmtree(self.folder)
        return whole


def agree(first: bool, several: bool, make) -> list[int]:
    """The integers that `make` returns in process 0, in every process; if it raises a SweepError, all raise one."""
    answer, error = np.zeros(1, np.int32), None
    if first:
        try:
            answer = np.asarray(make(), np.int32)
        except SweepError as raised:
            error = raised
    if several:
        status, size = multihost_utils.broadcast_one_to_all(np.int32([error.status if error else 0, answer.size]))
        if status and not first:
            error = SweepError("process 0 has refused: see its message", int(status))
        elif not status:
            answer = multihost_utils.broadcast_one_to_all(answer if first else np.zeros(size, np.int32))
    if error:
        raise error
    return np.asarray(answer).tolist()


def sweep(args: argparse.Namespace, several: bool) -> None:
    """Do the parts that are missing and put all of them together."""
    first = jax.process_index() == 0
    parts: list[Parts] = []

    asked = hashlib.sha256(repr([getattr(args, name) for name in SETTINGS]).encode()).digest()
    asked = int.from_bytes(asked[:3])

    def plan():
        parts.append(Parts(args))
        return [asked, args.part_runs, *parts[0].done()]

    theirs, part_runs, *done = agree(first, several, plan)
    if theirs != asked:
        raise SweepError("the arguments differ from those of process 0", 2)
    last = args.first_run + args.runs
    ranges = [(r, min(part_runs, last - r)) for r in range(args.first_run, last, part_runs)]
    warnings.showwarning = lambda message, *_: say(f"warning: {message}") if first else None
    if first and any(done):
        say(f"going on: {sum(n for (_, n), d in zip(ranges, done, strict=True) if d)} of {args.runs} runs are there")
    every, rule = args.checkpoint_every, rule_of(args)
    began, made = time.perf_counter(), 0
    with tqdm(
        total=args.runs * args.steps,
        initial=sum(n for (_, n), d in zip(ranges, done, strict=True) if d) * args.steps,
        unit="step",
        unit_scale=True,
        mininterval=0.5 if sys.stderr.isatty() else 30,
        disable=not first,
    ) as bar:
        for part, is_done in zip(ranges, done, strict=True):
            if is_done:
                continue
            before = bar.n
            result = simulate.ensemble(
                start=args.start,
                target=args.target,
                key=jax.random.key(args.seed),
                runs=part[1],
                steps=args.steps,
                first_run=part[0],
                absolute_tolerance=args.tolerance,
                checkpoints=range(0, args.steps + 1, every) if every else (),
                dtype=args.dtype,
                progress=lambda steps, before=before, runs=part[1]: bar.update(before + steps * runs - bar.n),
                **rule,
            )
            made += part[1]
            if first:
                parts[0].keep(part, result)
    if first:
        whole = parts[0].join()
        seconds = time.perf_counter() - began
        say(
            f"{args.out}: {args.runs} runs of {args.steps} steps, {(whole['first_hit'] >= 0).sum()} hit the target, "
            f"{whole['diverged'].sum()} diverged; {made} of them made now in {seconds:.1f} s on "
            f"{jax.device_count()} devices, {made * args.steps / seconds / 1e6:.1f} million steps a second"
        )
    if several:
        multihost_utils.sync_global_devices("the output is written")


def say(message: str) -> None:
    print(f"ensemble: {message}", file=sys.stderr, flush=True)


def main() -> int:
    args = parse()
    several = False
    try:
        if args.dtype == "float64":
            jax.config.update("jax_enable_x64", True)
        if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
            jax.config.update("jax_num_cpu_devices", args.cpu_devices or len(os.sched_getaffinity(0)))
        several = join_cluster(args)
        sweep(args, several)
        return 0
    except KeyboardInterrupt:
        say("interrupted; the finished parts are kept, and the same command goes on with them")
        status = 130
    except SweepError as failure:
        say(f"error: {failure}")
        status = failure.status
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
