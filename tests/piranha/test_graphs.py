from __future__ import annotations

from piranha import graphs


def test_a_graph_is_zero_based_and_ends_at_the_right_edge() -> None:
    drawn = graphs.svg((0.0, 10.0), "told")
    assert 'points="238,38 240,3"' in drawn
    assert 'role="img" aria-label="told"' in drawn


def test_a_gap_is_left_open_and_a_point_alone_is_seen() -> None:
    drawn = graphs.svg((1.0, 1.0, None, 1.0), "")
    assert drawn.count("<polyline") == 2
    assert 'points="238,3 240,3"' in drawn


def test_points_on_a_level_line_are_left_out() -> None:
    assert 'points="0,38 ' not in graphs.svg((0.0,) * 120, "")
    assert 'points="2,38 240,38"' in graphs.svg((0.0,) * 120, "")


def test_only_the_last_hour_is_drawn() -> None:
    assert "-" not in graphs.svg((1.0,) * 500, "").split("points=")[1]


def test_what_is_told_is_escaped() -> None:
    assert "<b>" not in graphs.svg((), '"<b>')


def test_two_lines_add_up_and_a_gap_in_either_is_a_gap() -> None:
    assert graphs.both((1.0, None, 2.0), (1.0, 1.0, None)) == (2.0, None, None)
    assert graphs.last(()) is None
    assert graphs.most((None, 3.0)) == 3.0
