"""Mistakes planted in our own operators are caught, and what plants them works."""

import ast
import dataclasses

import pytest

from needle_cli.operators import catalogue
from tests import mutate
from tests.campaign import of_families, swept
from tests.helpers import complete_operators
from tests.mutants import command, screen
from tests.mutants.campaign import Campaign
from tests.mutants.edits import mutants, one_per_kind, spread
from tests.mutants.rules import proposals
from tests.mutants.sources import Sources


@pytest.fixture(scope="module")
def complete():
    """Return our operators with a class of their own that are not half written."""
    composites = {entry.name for entry in catalogue.operators() if not entry.class_name}
    return complete_operators() - composites


@pytest.fixture(scope="module")
def every(complete):
    return [mutant for mutant in mutants(Sources()) if mutant.operators[0] in complete]


def edits_of(body, arguments="self, out_grad: Tensor, node", returns="Tensor"):
    """Return the replaced texts for one function, by kind."""
    source = f"def gradient({arguments}) -> {returns}:\n    {body}\n"
    found = {}
    for proposal in proposals(ast.parse(source).body[0], "X.gradient", source):
        found.setdefault(proposal.kind, []).append(proposal.text)
    return found


def pick(every, owner, what):
    return next(m for m in every if m.owner == owner and m.what == what)


@pytest.mark.parametrize("of", swept(["every family", "every operator"], ["every family"]))
def test_a_few_mistakes_are_caught(every, complete, of):
    chosen = spread(every, 2 if of == "every operator" else 1)
    assert {m.operators[0] for m in chosen} == complete
    if of == "every family":
        chosen = [m for m in chosen if m.operators[0] in of_families(sorted(complete))]
    verdicts = Campaign(shrink=False).run(chosen)
    assert [line for v in verdicts if v.within for line in screen.survivors([v])] == []
    caught = [v for v in verdicts if v.status == "caught"]
    assert len(caught) > 0.8 * len(verdicts)
    assert [v.mutant.name for v in caught if not (v.ok and v.case)] == []


def test_a_judge_that_asks_nothing_of_gradients_lets_mistakes_survive(every):
    chosen = [pick(every, "Exp.gradient", "result doubled"),
              pick(every, "FusedAddScalars.gradient", "minus for plus")]  # fmt: skip
    verdicts = Campaign(checks=("forward", "purity")).run(chosen)
    assert [v.status for v in verdicts] == ["survived", "survived"]
    assert all(v.within and not v.ok for v in verdicts)
    text = "\n".join(screen.survivors(verdicts))
    assert "+        return 2 * (out_grad * y)" in text
    assert "within the spec" in text


def test_what_changes_nothing_is_known_by_its_values(every):
    same = pick(every, "Summation.gradient", "cast_like dropped")
    verdict = Campaign().run([same])[0]
    assert verdict.status == "equivalent"
    assert verdict.agreement["largest"] == 0.0
    assert verdict.agreement["values"] > 1000
    assert "numbers in" in "\n".join(screen.unchanged([verdict]))


def test_a_smallest_case_is_replayed(every):
    verdict = Campaign().run([pick(every, "Log.gradient", "result negated")])[0]
    assert (verdict.status, verdict.operator, verdict.check) == (
        "caught", "exponential/log", "gradient",
    )  # fmt: skip
    assert verdict.replays == ("FAILS", "FIXED")
    assert len(verdict.record["inputs"]["a"]["values"]) == 1


def test_the_commands_say_fails_and_after_repair_fixed(every):
    found = command.session(pick(every, "Log.gradient", "result negated"), "exponential/log")
    assert (found.problem, found.codes) == ("", (1, 1, 0))
    assert found.token


def test_the_commands_find_nothing_where_nothing_is_edited(every):
    mutant = pick(every, "Log.gradient", "result negated")
    text = (catalogue.ENGINE / "ops" / "exponential.py").read_text(encoding="utf-8")
    found = command.session(dataclasses.replace(mutant, text=text), "exponential/log")
    assert found.codes == (0,)
    assert found.problem


def test_every_edit_is_one_place_of_a_file_that_compiles(every):
    assert len({(m.file, m.text) for m in every}) == len(every)
    for mutant in every[::7]:
        compile(mutant.text, mutant.file, "exec")
    assert all(m.diff.count("@@") == 2 for m in every)


def test_every_operator_and_shared_helper_is_edited(every, complete):
    assert {m.operators[0] for m in every if not m.helper} == complete
    assert len(complete) >= 30
    owners = {m.owner.partition(".")[0] for m in every}
    assert {"sum_to", "SumTo", "SoftmaxWeights", "_repeat", "_AddAt", "_ToWeight"} <= owners
    kinds = {m.kind for m in every}
    assert {"sign", "factor", "sum_to dropped", "axis", "cotangent ignored", "operands swapped",
            "off by one", "comparison", "keepdims dropped", "term", "transpose dropped",
            "accumulation"} <= kinds  # fmt: skip
    assert 100 < len(list(one_per_kind(every))) < len(every)


def test_rules_by_example():
    found = edits_of("return sum_to(-out_grad * b, a)")
    assert "-out_grad * b" in found["sum_to dropped"]
    assert "out_grad" in found["sign"]
    assert {"(-out_grad)", "2 * (sum_to(-out_grad * b, a))"} <= set(found["factor"])
    assert "b" in found["factor"] or "b" in found["cotangent ignored"]
    assert "out_grad * 0 + 1" in found["cotangent ignored"]
    found = edits_of("return sum_to(out_grad, a), sum_to(out_grad, b)", returns="tuple[Tensor]")
    assert "(sum_to(out_grad, b), sum_to(out_grad, a))" in found["operands swapped"]
    found = edits_of("return out_grad.sum(self.axes, keepdims=True) if a > 0 else None")
    assert found["keepdims dropped"] == ["out_grad.sum(self.axes)", "False"]
    assert found["axis"] == ["None"]
    assert found["comparison"] == ["a >= 0", "a < 0"]
    assert edits_of("total += part")["accumulation"] == ["total = part", "total -= part"]
    assert edits_of("raise ValueError(complaint('x', -1, 2))") == {}


def test_lists_and_names(every, monkeypatch, capsys):
    monkeypatch.setattr(mutate, "mutants", lambda sources: every)
    assert mutate.main(["exp", "--list"]) == 0
    assert "Exp.gradient" in capsys.readouterr().out
    assert mutate.main(["nothing of the kind"]) == 2
