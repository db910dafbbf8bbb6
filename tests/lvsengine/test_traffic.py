from __future__ import annotations

from sys import getsizeof

from lvsengine.traffic import SAMPLES, STEP_S, Hour, Totals, TrafficHistory


def looked(*totals: tuple[float, dict[str, Totals]]) -> TrafficHistory:
    history = TrafficHistory()
    for at, said in totals:
        history.look(at, said)
    return history


def test_a_sample_is_the_mean_per_second_since_the_last_look() -> None:
    history = looked(
        (100.0, {"shop": Totals(10, 1000, 50)}), (130.0, {"shop": Totals(40, 4000, 80)})
    )
    assert history.hour("shop") == Hour((1.0,), (100.0,), (1.0,))
    assert history.at == 130.0


def test_before_the_second_look_there_is_no_sample() -> None:
    history = TrafficHistory()
    assert history.at is None
    history.look(100.0, {"shop": Totals(10)})
    assert history.hour("shop") == Hour()


def test_a_virtual_server_that_came_later_has_gaps_before_it_on_the_same_axis() -> None:
    history = looked(
        (0.0, {"old": Totals()}),
        (30.0, {"old": Totals(30), "new": Totals(5)}),
        (60.0, {"old": Totals(90), "new": Totals(65)}),
    )
    assert history.hour("old").connections_per_s == (1.0, 2.0)
    assert history.hour("new").connections_per_s == (None, 2.0)


def test_who_is_gone_from_lvs_cf_is_forgotten() -> None:
    history = looked((0.0, {"a": Totals(), "b": Totals()}), (30.0, {"b": Totals()}))
    assert history.names() == ("b",)
    assert history.hour("a") == Hour()


def test_totals_that_went_back_are_of_an_entry_made_anew() -> None:
    history = looked(
        (0.0, {"shop": Totals(1000, 9000, 9000)}), (30.0, {"shop": Totals(30, 60, 90)})
    )
    assert history.hour("shop") == Hour((1.0,), (2.0,), (3.0,))


def test_answers_counted_less_are_none_not_negative() -> None:
    history = looked((0.0, {"shop": Totals(0, 0, 90)}), (30.0, {"shop": Totals(0, 0, 60)}))
    assert history.hour("shop").bytes_out_per_s == (0.0,)


def test_after_a_pause_or_a_clock_set_back_the_sample_is_a_gap() -> None:
    history = looked(
        (0.0, {"shop": Totals()}),
        (500.0, {"shop": Totals(30)}),
        (400.0, {"shop": Totals(60)}),
        (430.0, {"shop": Totals(90)}),
    )
    assert history.hour("shop").connections_per_s == (None, None, 1.0)


def test_only_the_last_hour_is_kept() -> None:
    history = looked(*((at * STEP_S, {"shop": Totals(30 * at * at)}) for at in range(200)))
    hour = history.hour("shop").connections_per_s
    assert len(hour) == SAMPLES
    assert hour[-1] == float(199**2 - 198**2)
    assert hour[0] == float(80**2 - 79**2)


def test_a_thousand_virtual_servers_cost_a_few_mebibytes() -> None:
    history = looked((0.0, {f"v{number}": Totals() for number in range(1000)}))
    held = sum(
        getsizeof(ring.connections) + getsizeof(ring.incoming) + getsizeof(ring.outgoing)
        for ring in history._rings.values()
    )
    assert held < 3 * 1024 * 1024
