"""The generator of rule sets: the same from the same seed, certain in its verdicts, and neither all open nor all closed."""

from reachability_model import verdict
from reachability_rules import RuleSet, addressed, copy_of

WORLD = "198.51.100.2"
SETS = 300


def test_rule_sets():
    base = addressed(copy_of(0), WORLD)
    allowed, reasons = [], set()
    for seed in range(SETS):
        made, again = RuleSet(seed, base, WORLD), RuleSet(seed, base, WORLD)
        probes = made.probes(True)
        assert (made.topology, probes) == (again.topology, again.probes(True))
        for source, destination, service in probes:
            given = f"world:{WORLD}" if source == "world" else source
            answer = verdict(made.topology, given, destination, service)
            allowed.append(answer.allowed)
            reasons.add(answer.reason.split(" ")[0] if answer.allowed else " ".join(answer.reason.split(" ")[:2]))
    share = sum(allowed) / len(allowed)
    assert 0.15 < share < 0.6, share
    assert len(reasons) > 8, reasons
