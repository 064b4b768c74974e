"""`python -m benchmarks NAME`: run one of the benchmarks and print its tables."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Run the benchmark that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    peers = names.add_parser("peers", help="check_pair beside torch, jax and autograd")
    peers.add_argument("--rounds", type=int, default=15, help="interleaved rounds (default 15)")
    peers.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    ops = names.add_parser("ops", help="needle check ops, whole and by operator")
    ops.add_argument("--runs", type=int, default=3, help="whole runs (default 3)")
    ops.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    causes = names.add_parser("diagnosis", help="how often the printed cause is the right one")
    causes.add_argument("operators", nargs="*", help="family/function (default: all)")
    causes.add_argument("--examples", type=int, default=20, help="per operator (default 20)")
    causes.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    causes.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    alarms = names.add_parser("false_alarms", help="right operators under awkward values")
    alarms.add_argument("operators", nargs="*", help="family/function (default: all)")
    alarms.add_argument("--examples", type=int, default=10_000, help="per operator and dtype")
    alarms.add_argument("--seed", type=int, default=0)
    alarms.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    alarms.add_argument("--fresh", action="store_true", help="forget what an earlier run has done")
    alarms.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    detection = names.add_parser("detection", help="a corpus of wrong and of tricky right pairs")
    detection.add_argument("categories", nargs="*", help="files of the corpus (default: all)")
    detection.add_argument("--half", choices=("dev", "held"), default="dev", help="of the corpus")
    detection.add_argument("--seeds", type=int, default=1, help="seeds per case (default 1)")
    detection.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    detection.add_argument("--fresh", action="store_true", help="forget what an earlier run did")
    detection.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    detection.add_argument("--prove", action="store_true", help="prove the answers, without asking")
    frameworks = names.add_parser("frameworks", help="operators of PyTorch, JAX and autograd")
    frameworks.add_argument("frameworks", nargs="*", help="torch, jax, autograd (default: all)")
    frameworks.add_argument("--operator", action="append", default=[], help="this one alone")
    frameworks.add_argument("--dtype", action="append", default=[], help="this one alone")
    frameworks.add_argument("--cases", type=int, default=100, help="per operator and dtype")
    frameworks.add_argument("--seed", type=int, default=0)
    frameworks.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    frameworks.add_argument("--fresh", action="store_true", help="forget what an earlier run did")
    frameworks.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    scores = names.add_parser("faults", help="needle check ops --faults: scores and time")
    scores.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    gpu = names.add_parser("gpu", help="a passing check beside its bare evaluations, on a device")
    gpu.add_argument("--device", default="cuda", help="cuda, cuda:N or sim (default cuda)")
    gpu.add_argument("--largest", type=int, default=100_000_000, help="entries (default 1e8)")
    gpu.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    gpu.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    engine = names.add_parser("engine", help="the engine's time and memory beside torch, autograd")
    engine.add_argument("--rounds", type=int, default=15, help="interleaved rounds (default 15)")
    engine.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    soak = names.add_parser("soak", help="hostile operators in random company and trouble")
    soak.add_argument("--minutes", type=float, default=20.0, help="how long (default 20)")
    soak.add_argument("--seed", type=int, default=0)
    names.add_parser("measured", help="write docs/measured.md from benchmarks/results/")
    arguments = parser.parse_args()
    if arguments.name == "measured":
        from benchmarks.measured import write

        return write()
    if arguments.name == "engine":
        from benchmarks.engine import run as run_engine

        return run_engine(arguments.rounds, arguments.write)
    if arguments.name == "soak":
        from benchmarks.soak import run as run_soak

        return run_soak(arguments.minutes, arguments.seed)
    if arguments.name == "gpu":
        from benchmarks.gpu import run as run_gpu

        return run_gpu(arguments.device, arguments.largest, arguments.rounds, arguments.write)
    if arguments.name == "faults":
        from benchmarks.planted import run as run_faults

        return run_faults(arguments.write)
    if arguments.name == "false_alarms":
        from benchmarks.false_alarms import run as run_alarms

        return run_alarms(
            arguments.operators, arguments.examples, arguments.seed, arguments.jobs,
            arguments.fresh, arguments.write,
        )  # fmt: skip
    if arguments.name == "detection":
        corpus = f"benchmarks.detection.{arguments.half}"
        if arguments.prove:
            from benchmarks.detection.proof import run as run_proof

            return run_proof(arguments.categories, corpus)
        from benchmarks.detection.run import run as run_detection

        return run_detection(
            arguments.categories, corpus, arguments.seeds, arguments.jobs,
            arguments.fresh, arguments.write,
        )  # fmt: skip
    if arguments.name == "frameworks":
        from benchmarks.frameworks.cases import FRAMEWORKS
        from benchmarks.frameworks.draws import DTYPES
        from benchmarks.frameworks.run import run as run_frameworks

        return run_frameworks(
            arguments.frameworks or FRAMEWORKS, arguments.operator, arguments.dtype or DTYPES,
            arguments.cases, arguments.seed, arguments.jobs, arguments.fresh, arguments.write,
        )  # fmt: skip
    if arguments.name == "diagnosis":
        from benchmarks.diagnosis import run as run_causes

        return run_causes(arguments.operators, arguments.examples, arguments.jobs, arguments.write)
    if arguments.name == "peers":
        from benchmarks.peers import run

        return run(arguments.rounds, arguments.write)
    from benchmarks.whole import run as run_ops

    return run_ops(arguments.runs, arguments.write)


if __name__ == "__main__":
    sys.exit(main())
