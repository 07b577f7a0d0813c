"""Make of a sweep what a chapter reads: tens of kilobytes, and a note that says how they were made.

    python -m sweeps.summarise OUT.npz sweeps/tango.npz

The summary holds

- `runs`, `without_hit` and `diverged`: how many runs there are, did not hit the target, and diverged;
- `counts`: how many runs hit in each bin of `bin_width` = 10 iterations, the first bin from iteration `first_bin` on;
- `first_hits`: of the runs `first_run` to `first_run` + 4095, their first hits in iterations, -1 where there is none.

The note is the JSON file beside it: settings, command, random key and versions. Exit status 2 for a wrong argument.
"""

import argparse
import json
import sys
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from scripts import about
from sweeps.sweep import write

BIN_WIDTH, EXACT = 10, 4096
ON_THE_COMMAND = ("rule", "runs", "steps", "seed", "first_run", "step_size", "gamma", "start", "target", "tolerance")
ON_THE_COMMAND += ("dtype",)


def summary(first_hit: np.ndarray, diverged: np.ndarray, first_run: int) -> dict[str, np.ndarray]:
    """The arrays of a summary, from the first hits (-1 for none) and the runs that diverged."""
    hits = first_hit[first_hit >= 0]
    first_bin = hits.min() // BIN_WIDTH if hits.size else 0
    return {
        "runs": np.int64(first_hit.size),
        "without_hit": np.int64(first_hit.size - hits.size),
        "diverged": np.int64(diverged.sum()),
        "bin_width": np.int64(BIN_WIDTH),
        "first_bin": np.int64(first_bin * BIN_WIDTH),
        "counts": np.bincount(hits // BIN_WIDTH - first_bin).astype(np.uint32),
        "first_run": np.int64(first_run),
        "first_hits": first_hit[:EXACT].astype(np.int32),
    }


def note(settings: dict) -> dict:
    """How a sweep was made."""
    words = ["python -m sweeps.sweep"]
    for name in ON_THE_COMMAND:
        value = settings[name]
        if value is not None:
            words.append(
                f"--{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, list) else value}"
            )
    key = f"jax.random.key({settings['seed']})"
    return {"command": " ".join(words), "key": key, "settings": settings, "versions": about.versions()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, help="the .npz file that the sweep command wrote")
    parser.add_argument("summary", type=Path, help="the .npz file to write, and beside it a .json file")
    args = parser.parse_args(arguments)
    if args.summary.suffix != ".npz" or not args.summary.parent.is_dir():
        parser.error(f"argument summary: must be an .npz file in a folder that is there, got {args.summary}")
    if args.summary.exists() and args.sweep.exists() and args.summary.samefile(args.sweep):
        parser.error("argument summary: must not be the sweep itself")
    try:
        with np.load(args.sweep) as file:
            settings = json.loads(str(file["settings"]))
            if settings["jax"] != (here := about.versions()["jax"]):
                parser.error(f"argument sweep: it was made with JAX {settings['jax']}, and the note would say {here}")
            arrays = summary(file["first_hit"], file["diverged"], settings["first_run"])
            text = json.dumps(note(settings), indent=1) + "\n"
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile) as error:
        parser.error(f"argument sweep: must be a file that the sweep command wrote, got {args.sweep} ({error})")
    try:
        write(args.summary, lambda file: np.savez_compressed(file, **arrays))
        write(args.summary.with_suffix(".json"), lambda file: file.write(text.encode()))
    except OSError as error:
        parser.error(f"argument summary: {args.summary} and its note cannot be written ({error})")
    print(f"{args.summary}: {args.summary.stat().st_size / 1000:.0f} kB, {arrays['runs']} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
