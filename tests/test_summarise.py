"""The summaries of sweeps, and that the committed one is what the sweep command makes."""

import json
import shlex
from pathlib import Path

import jax
import numpy as np
import pytest

from straightlines.ensembles import Keep, ensemble
from sweeps import summarise, sweep

ROOT = Path(__file__).resolve().parent.parent
FIRST_HIT = np.array([25, -1, 20, 39, 47, -1, 25], np.int32)
DIVERGED = np.array([False, True, False, False, False, False, False])


@pytest.fixture(scope="module")
def committed():
    """The settings of the committed sweep, and its summary."""
    file = ROOT / "sweeps" / "tango.npz"
    return json.loads(file.with_suffix(".json").read_text()), dict(np.load(file))


def test_a_summary_counts_every_run():
    made = summarise.summary(FIRST_HIT, DIVERGED, 3)
    assert (made["runs"], made["without_hit"], made["diverged"], made["first_run"]) == (7, 2, 1, 3)
    assert (made["first_bin"], made["bin_width"]) == (20, 10)
    np.testing.assert_array_equal(made["counts"], [3, 1, 1])
    np.testing.assert_array_equal(made["first_hits"], FIRST_HIT)
    many = summarise.summary(np.arange(5000), np.zeros(5000, bool), 0)
    np.testing.assert_array_equal(many["first_hits"], np.arange(4096))
    assert many["counts"].sum() == 5000
    nothing = summarise.summary(np.array([-1]), DIVERGED[:1], 0)
    assert (nothing["without_hit"], nothing["counts"].size) == (1, 0)


def test_the_command_makes_a_summary_and_the_note_repeats_the_sweep(tmp_path):
    out, summary = tmp_path / "a.npz", tmp_path / "b.npz"
    asked = f"--rule sgd --runs 3 --steps 5 --seed 2 --start 9.5 1.3 --out {out}"
    sweep.sweep(sweep.parse(asked.split()), several=False)
    assert summarise.main([str(out), str(summary)]) == 0
    once = summary.read_bytes()
    assert summarise.main([str(out), str(summary)]) == 0
    assert summary.read_bytes() == once
    note = json.loads(summary.with_suffix(".json").read_text())
    again = vars(sweep.parse([*shlex.split(note["command"])[3:], "--out", "a.npz"]))
    assert {name: again[name] for name in sweep.SETTINGS} == {name: note["settings"][name] for name in sweep.SETTINGS}
    assert note["key"] == "jax.random.key(2)"
    assert note["versions"]["jax"] == jax.__version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nothing.npz b.npz", "must be a file that the sweep command wrote, got nothing.npz"),
        ("b.npz c.npz", "must be a file that the sweep command wrote, got b.npz"),
        ("c.npz d.npz", "must be a file that the sweep command wrote, got c.npz ('first_run')"),
        ("broken.npz d.npz", "must be a file that the sweep command wrote, got broken.npz (No data left in file)"),
        ("a.npz b.csv", "must be an .npz file in a folder that is there, got b.csv"),
        ("a.npz nowhere/b.npz", "must be an .npz file in a folder that is there, got nowhere/b.npz"),
        ("a.npz a.npz", "must not be the sweep itself"),
        ("good.npz folder.npz", "argument summary: folder.npz and its note cannot be written"),
        ("a.npz b.npz", "it was made with JAX 0.0.1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", settings=np.array(json.dumps({"jax": "0.0.1"})), first_hit=FIRST_HIT, diverged=DIVERGED)
    np.savez("b.npz", first_hit=FIRST_HIT)
    settings = {"jax": jax.__version__}
    np.savez("c.npz", settings=np.array(json.dumps(settings)), first_hit=FIRST_HIT, diverged=DIVERGED)
    settings |= dict.fromkeys(summarise.ON_THE_COMMAND, 0)
    np.savez("good.npz", settings=np.array(json.dumps(settings)), first_hit=FIRST_HIT, diverged=DIVERGED)
    Path("broken.npz").touch()
    Path("folder.npz").mkdir()
    with pytest.raises(SystemExit) as ended:
        summarise.main(arguments.split())
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not [*Path().glob("*.json"), *Path().glob("d.npz")]


def test_the_committed_summary_is_whole(committed):
    note, made = committed
    assert made["counts"].sum() + made["without_hit"] == made["runs"] == note["settings"]["runs"] == 1_000_000
    exact = made["first_hits"]
    bins = np.bincount((exact[exact >= 0] - made["first_bin"]) // made["bin_width"], minlength=made["counts"].size)
    assert (bins <= made["counts"]).all()
    assert made["counts"][0] > 0 < made["counts"][-1]


def test_the_sweep_command_makes_the_committed_first_hits(committed):
    """Some of its runs, again.

    Bit for bit on the processor that made them. Another one rounds the last bit of a float32 in another way, and a run
    that only grazes the box may then miss it, and hit it many iterations later.
    """
    note, made = committed
    settings, first, runs = note["settings"], 1000, 256
    fit = sweep.fit_of(settings)
    key, keep = jax.random.key(settings["seed"]), Keep(absolute_tolerance=settings["tolerance"])
    again = ensemble(fit, key, runs=runs, steps=settings["steps"], first_run=first, keep=keep)
    stored = made["first_hits"][first : first + runs]
    assert np.mean(np.abs(again.first_hit - stored) <= 2) >= 0.97
