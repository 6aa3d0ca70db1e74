# SPDX-License-Identifier: MIT
"""The Python part of the playground page (docs/playground), without a browser."""

import json
from pathlib import Path

import pytest

PLAYGROUND = Path(__file__).parents[2] / "docs" / "playground"


@pytest.fixture
def session(monkeypatch):
    monkeypatch.syspath_prepend(PLAYGROUND)
    from session import Session

    return Session()


def run(session, *statements):
    """Run statements, and return the result of the last one."""
    for statement in statements:
        answer = json.loads(session.run(statement))
    return answer


def preset(session, which):
    return json.loads(session.preset(which, "t"))


def drawn(answer, **wanted):
    return {
        node["name"]
        for node in answer["nodes"]
        if all(node[key] == value for key, value in wanted.items())
    }


def test_output_of_statements(session):
    assert run(session, "1 + 1")["output"] == "2\n"
    assert run(session, "x = 3", "for i in range(x):\n    print(i)")["output"] == "0\n1\n2\n"
    assert run(session, "y = 5\ny, x")["output"] == "(5, 3)\n"
    assert run(session, "t[5]")["output"] == "KeyError: 5\n"
    assert run(session, "1 +")["output"].endswith("SyntaxError: invalid syntax\n")
    assert run(session, "raise KeyboardInterrupt")["output"] == "KeyboardInterrupt\n"


def test_statements_that_need_more_lines(session):
    assert session.is_complete("t[15]")
    assert session.is_complete("1 +")
    assert session.is_complete("x = 1\ny = 2")
    assert not session.is_complete("for i in range(3):")
    assert not session.is_complete("for i in range(3):\n    print(i)")
    assert session.is_complete("for i in range(3):\n    print(i)\n")
    assert not session.is_complete("t.store_range(1,")


def test_only_changes_are_steps(session):
    assert run(session, "list(t)", "x = 1", "t[5]")["steps"] == 1
    assert run(session, "t[5] = 1")["steps"] == 2
    assert run(session, "t[5]")["step"] == 1
    assert run(session, "u = t.fork()")["steps"] == 3
    assert run(session, "t[6] = 1; 1 / 0")["steps"] == 4  # the write did happen


def test_slots_of_a_leaf(session):
    (leaf,) = run(session, "t.store_range(12, 14, 'x')")["nodes"]
    slots = [(slot["first"], slot["last"], slot["text"]) for slot in leaf["slots"]]
    assert slots == [
        ("0", "9", "gap 10"),
        ("10", "11", "'a'"),
        ("12", "14", "'x'"),
        ("15", "19", "'a'"),
        ("20", "29", "gap 10"),
        ("30", "39", "'b'"),
        ("40", "MAX", "gap 2⁶⁴−40"),
    ]
    changed = [slot["first"] for slot in leaf["slots"] if slot["changed"]]
    assert changed == ["10", "12", "15"]
    assert leaf["change"] == "written"


def test_a_write_into_a_lone_tree_copies_nothing(session):
    """The history must not cause a copy: the drawings would show it."""
    answer = run(session, "t.store_range(12, 14, 'x')", "t.store_range(12, 14, 'y')")
    assert [node["change"] for node in answer["nodes"]] == ["written"]


def test_a_split(session):
    answer = preset(session, "split")
    assert answer["ran"][-1] == answer["source"] == "t.store_range(32, 34, 'x')"
    assert len(drawn(answer, change="new", level=0)) == 2
    assert len(drawn(answer, change="new", level=1)) == 1


def test_a_fork_shares_and_a_write_copies_its_path(session):
    preset(session, "fill")
    forked = run(session, "u = t.fork()")
    assert drawn(forked) == drawn(forked, users=["t", "u"], change="kept")
    assert forked["families"] == [["t", "u"]]
    written = run(session, "u.store_range(200, 207, 'X')")
    copies = [node for node in written["nodes"] if node["change"] == "copied"]
    assert len(copies) == session.namespace["u"].height == 2
    assert all(int(node["first"]) <= 200 <= int(node["last"]) for node in copies)
    assert all(node["users"] == ["u"] for node in copies)
    assert drawn(written, users=["t"]) == {node["source"] for node in copies}
    assert len(drawn(written, users=["t", "u"])) == session.namespace["t"].node_count - 2
    assert "2 copied" in written["summary"]


def test_a_dup_shares_nothing(session):
    preset(session, "fill")
    answer = run(session, "u = t.dup()")
    count = session.namespace["t"].node_count
    assert len(drawn(answer, users=["t"], change="kept")) == count
    assert len(drawn(answer, users=["u"], change="copied")) == count
    assert answer["families"] == [["t"], ["u"]]


def test_what_is_said_of_trees(session):
    answer = run(session, "t.erase(15)", "u = t[0:5]")
    assert [tree["about"] for tree in answer["trees"]] == [
        "1 range, height 1, 1 node",
        "0 ranges, height 0, 0 nodes",
    ]
    assert answer["summary"] == "1 node, 0 shared. This step: no change."


def test_families_that_a_tree_unites(session):
    preset(session, "fill")
    answer = run(session, "u = t.fork(); v = u.dup(); w = v.fork(); x = MapleTree()")
    assert answer["families"] == [["t", "u"], ["v", "w"], ["x"]]


def test_two_names_of_one_tree(session):
    answer = run(session, "u = t")
    assert [tree["name"] for tree in answer["trees"]] == ["t = u"]
    assert drawn(answer) == drawn(answer, users=["t = u"])
    run(session, "del t", "u[5] = 1")
    answer = json.loads(session.go(1))
    assert session.namespace["t"] is session.namespace["u"]


def test_the_history_restores_trees(session):
    preset(session, "fork")
    steps = len(session.steps)
    states = []
    for step in range(steps):
        answer = json.loads(session.go(step))
        trees = {tree["name"]: session.namespace[tree["name"]] for tree in answer["trees"]}
        states.append({name: list(tree) for name, tree in trees.items()})
        uses = sum(len(node["users"]) for node in answer["nodes"])
        assert uses == sum(tree.node_count for tree in trees.values())
    assert states[0] == {"t": [(10, 19, "a"), (30, 39, "b")]}
    assert states[-1]["u"] != states[-1]["t"] == states[-2]["u"]
    assert "u" not in states[-3]


def test_a_restored_state_is_written_as_it_was_the_first_time(session):
    """Which nodes are shared, and with which tree, is restored too."""
    answer = preset(session, "fork")
    again = json.loads(session.go(answer["step"] - 1))
    assert "u" in session.namespace
    again = run(session, answer["source"])
    assert again["nodes"] == answer["nodes"]
    for name in "tu":
        session.namespace[name].check()


def test_what_is_done_after_going_back_replaces_the_later_steps(session):
    run(session, "t[5] = 1", "t[6] = 2", "x = 7")
    session.go(1)
    answer = run(session, "t[8] = 3")
    assert (answer["step"], answer["steps"]) == (2, 3)
    assert list(session.namespace["t"])[:2] == [(5, 5, 1), (8, 8, 3)]
    assert session.namespace["x"] == 7


def test_a_large_tree_is_not_drawn(session):
    answer = run(session, "t = MapleTree((i * 10, i * 10 + 5, i) for i in range(5000))")
    assert not answer["nodes"]
    assert answer["summary"].endswith("Too many to draw.")


def test_values_that_cannot_be_shown(session):
    class Hostile:
        def __repr__(self):
            raise RuntimeError

    session.namespace["hostile"] = Hostile()
    (leaf,) = run(session, "t[15] = hostile", "t[35] = 'x' * 1000")["nodes"]
    assert all(len(slot["text"]) < 60 for slot in leaf["slots"])
