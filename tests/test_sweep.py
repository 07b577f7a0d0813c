"""The sweep command: the same runs on any devices and hosts, parts that are kept, errors that are explained."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from straightlines.ensembles import Keep, ensemble
from straightlines.optimizers import tango
from straightlines.paths import Fit
from sweeps import sweep

ROOT = Path(__file__).resolve().parent.parent

COMMON = {"rule": "tango", "runs": 1100, "steps": 700, "seed": 3, "step-size": 1e-3, "start": "9.5 1.3"}
COMMON = [word for name, value in COMMON.items() for word in f"--{name} {value}".split()]
COMMON += ["--tolerance", "0.3"]


def script(*arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "sweeps.sweep", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=clean | environment, cwd=ROOT)


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
    fit = Fit(tango(1e-3, 1e-2), np.float32([9.5, 1.3]), (10.0, 1.0))
    return ensemble(fit, jax.random.key(3), runs=1100, steps=700, keep=Keep((), 0.3))


def assert_file_is(path, whole):
    with np.load(path) as file:
        settings = json.loads(str(file["settings"]))
        assert {"rule": "tango", "seed": 3, "gamma": 0.01, "runs": 1100}.items() <= settings.items()
        assert {*file.files} == {"settings", *whole._fields} - {"states"}
        for name in {*file.files} - {"settings"}:
            np.testing.assert_array_equal(file[name], getattr(whole, name), err_msg=name)
    assert not path.with_name(path.name + ".parts").exists()


def two_processes(*arguments):
    """With what `srun` sets for two tasks on this machine."""
    job = {"SLURM_JOB_ID": str(free_port()), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    job |= {"SLURM_STEP_NUM_TASKS": "2", "SLURM_LOCALID": "0", "JAX_NUM_CPU_DEVICES": "1"}
    return [script(*COMMON, *arguments, **job, SLURM_PROCID=str(i)) for i in range(2)]


def test_two_processes_of_a_scheduler_make_the_same_runs(tmp_path, whole):
    for status, said in map(finish, two_processes("--out", tmp_path / "a.npz")):
        assert status == 0, said
    assert_file_is(tmp_path / "a.npz", whole)


def test_a_refusal_of_the_first_process_ends_the_others(tmp_path):
    out = tmp_path / "a.npz"
    out.write_text("precious")
    (status, said), (other_status, other_said) = map(finish, two_processes("--out", out))
    assert status == other_status == 2
    assert "exists; give --overwrite to replace it" in said
    assert "process 0 has refused: see its message" in other_said
    assert out.read_text() == "precious"


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_ends_with_a_message_when_the_other_one_dies(tmp_path, victim):
    both = two_processes("--steps", 10**8, "--out", tmp_path / "a.npz", "--timeout", 5)
    note = tmp_path / "a.npz.parts" / "settings.json"
    deadline = time.monotonic() + 60
    while not note.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert note.exists()
    os.kill(both[victim].pid, signal.SIGKILL)
    assert finish(both[victim])[0] == -signal.SIGKILL
    status, said = finish(both[1 - victim])
    assert status == 1
    assert "a process failed or its host died" in said
    assert not (tmp_path / "a.npz").exists()


def test_an_interrupt_ends_with_status_130(tmp_path):
    """Soon after the start, too, while JAX compiles and the garbage collector calls it: there an exception is lost."""
    process = script(*COMMON, "--steps", 10**8, "--out", tmp_path / "a.npz")
    note = tmp_path / "a.npz.parts" / "settings.json"
    deadline = time.monotonic() + 60
    while not note.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        status, said = finish(process)
    finally:
        process.kill()
    assert status == 130
    assert "interrupted; the finished parts are kept" in said
    assert note.exists()


def test_a_killed_sweep_goes_on_and_any_number_of_devices_makes_the_same_runs(tmp_path, whole):
    arguments = [*COMMON, "--out", tmp_path / "a.npz", "--part-runs", 50]
    process = script(*arguments, JAX_NUM_CPU_DEVICES="3")
    parts = tmp_path / "a.npz.parts"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("runs-*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    there = {path.name: path.stat().st_mtime_ns for path in parts.glob("runs-*.npz")}
    assert there
    assert not (tmp_path / "a.npz").exists()

    with pytest.raises(sweep.SweepError, match=r"parts of another sweep \(seed: 3 there, 4 now\)"):
        in_this_process("--out", tmp_path / "a.npz", "--part-runs", 50, "--seed", 4)
    assert {path.name: path.stat().st_mtime_ns for path in parts.glob("runs-*.npz")} == there

    flags = "--xla_force_host_platform_device_count=2"
    status, said = finish(script(*arguments, XLA_FLAGS=flags))
    assert status == 0, said
    assert "on 2 devices" in said
    assert f"going on: {50 * len(there)} of 1100 runs are there" in said
    assert_file_is(tmp_path / "a.npz", whole)


def in_this_process(*arguments):
    sweep.sweep(sweep.parse([*COMMON, *map(str, arguments)]), several=False)


def test_an_existing_output_is_kept(tmp_path):
    out = tmp_path / "a.npz"
    out.write_text("precious")
    with pytest.raises(sweep.SweepError, match="exists; give --overwrite to replace it") as refused:
        in_this_process("--out", out)
    assert refused.value.args[1] == 2
    assert out.read_text() == "precious"


@pytest.mark.parametrize(("file", "text"), [("settings.json", "{"), ("settings.json", "[1]"), ("mine.txt", "precious")])
def test_a_folder_that_the_command_did_not_make_is_kept(tmp_path, file, text):
    parts = tmp_path / "a.npz.parts"
    parts.mkdir()
    (parts / file).write_text(text)
    with pytest.raises(sweep.SweepError, match=r"holds parts of another sweep .* --overwrite to drop it"):
        in_this_process("--out", tmp_path / "a.npz")
    assert (parts / file).read_text() == text


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "a.npz.parts").write_text("a file")
    with pytest.raises(sweep.SweepError, match=r"--out: .*a\.npz\.parts cannot be written: "):
        in_this_process("--out", tmp_path / "a.npz", "--overwrite")


def test_overwriting_and_a_large_gamma(tmp_path, capsys):
    out = tmp_path / "a.npz"
    out.write_text("old")
    wild = ["--runs", 20, "--part-runs", 10, "--gamma", 0.3, "--start", 0, 1]
    in_this_process(*wild, "--out", out, "--overwrite")
    said = capsys.readouterr().err
    assert said.count("warning: --gamma 0.3 is not below 0.0571, the bound at the start and target") == 1
    with np.load(out) as file:
        diverged = file["diverged"].sum()
    assert diverged > 0
    assert f"{diverged} diverged" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--runs 0", "argument --runs: must be at least 1, got 0"),
        ("--steps -1", "argument --steps: must be at least 1, got -1"),
        ("--steps 2147483648", "argument --steps: must be at most 2147483520, got 2147483648"),
        ("--first-run 4294967000", "argument --first-run: must be at most 4294966196, got 4294967000"),
        ("--seed 4294967296", "argument --seed: must be at most 4294967295, got 4294967296"),
        ("--step-size 0", r"argument --step-size: must be in (0, 1], got 0.0"),
        ("--gamma nan", "argument --gamma: must be finite, got nan"),
        ("--rule sgd --gamma 0.1", "argument --gamma: the rule sgd has none"),
        ("--rule newton", "argument --rule: invalid choice: 'newton'"),
        ("--target 1 0", "argument --target: must have a standard deviation greater than 0, got 0.0"),
        ("--out a.csv", "argument --out: must be a file that ends in .npz, in a folder that is there, got a.csv"),
        ("--out nowhere/a.npz", "in a folder that is there, got nowhere/a.npz"),
    ],
)
def test_a_wrong_argument_ends_with_status_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        sweep.parse([*COMMON, "--out", "a.npz", *arguments.split()])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_host_that_does_not_find_itself_is_named(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "nobody.invalid")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(sweep.SweepError, match=r"this host's own name, nobody\.invalid, does not resolve"):
        sweep.join_cluster(5)


def test_the_bound_of_gamma_is_that_of_the_worse_end(capsys):
    """In (μ, ln σ) it is 2 / (30 + 5 / σ²): the small standard deviation has the small bound."""
    sweep.warn_of_gamma(0.01291, (2.0, 1.0), (0.0, 0.2))
    assert "--gamma 0.01291 is not below 0.0129" in capsys.readouterr().err
    sweep.warn_of_gamma(0.01291, (0.0, 0.2), (2.0, 1.0))
    assert "--gamma 0.01291 is not below 0.0129" in capsys.readouterr().err
    sweep.warn_of_gamma(0.0129, (0.0, 0.2), (2.0, 1.0))
    assert not capsys.readouterr().err
