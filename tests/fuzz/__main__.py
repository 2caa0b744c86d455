"""Fuzz the decoders, guided by coverage: `make fuzz`, or `python -m tests.fuzz [NAME ...] [--runs N | --seconds N]`.

Each `fuzz_NAME.py` beside this file has `fuzz_one(data)`, which lets nothing but the decoder's own family of errors be
swallowed, and `seeds()`, valid inputs to start from (tests/fuzz/run.py). What else comes out ends the run with an exit
code and leaves the bytes in build/fuzz/NAME/.
"""

import argparse
import importlib
import shutil
import subprocess
import sys

import atheris

from tests.fuzz.decoders import ROOT, command, names

FINDINGS = ROOT / "build" / "fuzz"
# Mutation of longer inputs finds nothing but slowness; limits beyond this have tests of their own.
MAX_BYTES = 4096


def fuzz_here(name: str, *, runs: int, seconds: int) -> None:
    """Fuzz one module of this folder in this process; does not return."""
    with atheris.instrument_imports(include=["sayso"]):
        target = importlib.import_module(f"tests.fuzz.{name}")
    folder = FINDINGS / name
    corpus = folder / "corpus"
    # What earlier runs found would make this one another; with the same seed, a red run in CI is red at home.
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(seed)
    options = ["-seed=1", f"-max_len={MAX_BYTES}", f"-artifact_prefix={folder}/", "-print_final_stats=0"]
    options += [f"-runs={runs}"] if runs else []
    options += [f"-max_total_time={seconds}"] if seconds else []
    atheris.Setup(["fuzz", *options, str(corpus)], target.fuzz_one)
    atheris.Fuzz()


def main() -> int:
    """Fuzz what is named, everything by default; exit code 1 when something was found."""
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=...", description="Fuzz the decoders, guided by coverage.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(names())}")
    parser.add_argument("--runs", type=int, default=0, help="executions for each")
    parser.add_argument("--seconds", type=int, default=0, help="time for each; 60 if neither is given")
    parser.add_argument("--here", metavar="MODULE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        fuzz_here(options.here, runs=options.runs, seconds=options.seconds)
    unknown = set(options.names) - set(names())
    if unknown:
        parser.error(f"no such decoder: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    if not (options.runs or options.seconds):
        options.seconds = 60
    found = []
    for name in options.names or names():
        bounds = (f"--runs={options.runs}", f"--seconds={options.seconds}")
        if subprocess.run(command(f"fuzz_{name}", *bounds), cwd=ROOT, check=False).returncode != 0:
            found.append(name)
    if found:
        sys.stderr.write(f"fuzz: {', '.join(found)}: an input that does it lies in build/fuzz/\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
