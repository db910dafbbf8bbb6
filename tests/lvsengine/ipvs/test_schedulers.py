"""The rows, and for each model the rules an operator relies on.

That a model chooses as the kernel does, connection by connection, is shown on a real kernel by
`tests/kernel/guest/test_schedulers_match_kernel.py`.
"""

from __future__ import annotations

from ipaddress import ip_address

from lvsengine.ipvs.choosing import Call, Candidate, Chooser
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey
from lvsengine.net import Forwarding, Protocol

VIP = ip_address("192.0.2.1")
SERVICE = AddressKey(Protocol.TCP, VIP, 80)
CALL = Call(ip_address("198.51.100.7"), 40000, VIP)


def a_candidate(
    number: int,
    weight: int = 1,
    *,
    upper: int = 0,
    lower: int = 0,
    active: int = 0,
    inactive: int = 0,
) -> Candidate:
    key = DestinationKey(SERVICE, ip_address(f"10.0.0.{number}"), 80)
    return Candidate(key, weight, upper, lower, active, inactive)


def a_chooser(scheduler: str, *candidates: Candidate, flags: int = 0) -> Chooser:
    """A service to which the candidates were added one by one."""
    model = SCHEDULERS[scheduler].model
    assert model
    chooser = model(flags=flags)
    for candidate in candidates:
        chooser.add(candidate)
    return chooser


def picks(chooser: Chooser, calls: int, call: Call = CALL) -> str:
    """Who gets the next calls, as the last digits of their addresses; `-` is nobody."""
    chosen = (chooser.pick(call) for _ in range(calls))
    return "".join(number_of(candidate) for candidate in chosen)


def number_of(candidate: Candidate | None) -> str:
    return str(candidate.key.address)[-1] if candidate else "-"


def held(chooser: Chooser, calls: int, call: Call = CALL) -> str:
    """As `picks`, where each connection is kept open."""
    chosen = ""
    for _ in range(calls):
        candidate = chooser.pick(call)
        chosen += number_of(candidate)
        if candidate:
            candidate.opened(active=True)
    return chosen


def new_weight(chooser: Chooser, candidate: Candidate, weight: int) -> None:
    candidate.edited(Destination(weight, Forwarding.NAT, candidate.upper, candidate.lower))
    chooser.edited()


# --- rows


def test_the_manuals_eight_come_first_and_in_its_order() -> None:
    assert list(SCHEDULERS)[:8] == ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh"]
    assert list(SCHEDULERS)[8:] == ["sed", "nq", "fo", "ovf", "mh"]


def test_every_model_gives_nothing_to_weight_0_and_nobody_to_an_empty_service() -> None:
    for row in SCHEDULERS.values():
        if row.model:
            assert picks(a_chooser(row.name), 2) == "--", row.name
            assert picks(a_chooser(row.name, a_candidate(1, 0)), 2) == "--", row.name
            assert picks(a_chooser(row.name, a_candidate(1, 1)), 2) == "11", row.name


def test_every_model_passes_by_who_reached_its_upper_threshold() -> None:
    for row in SCHEDULERS.values():
        if row.model:
            full = a_candidate(1, 3, upper=1)
            full.opened(active=True)
            assert picks(a_chooser(row.name, full), 2) == "--", row.name


# --- candidates


def test_at_its_upper_threshold_a_candidate_rests_until_below_three_quarters_of_it() -> None:
    candidate = a_candidate(1, upper=4)
    for _ in range(4):
        candidate.opened(active=True)
    candidate.closed(active=True)
    assert candidate.overloaded  # 3 of 4 is three quarters
    candidate.closed(active=True)
    assert not candidate.overloaded


def test_a_lower_threshold_says_when_a_candidate_is_back() -> None:
    candidate = a_candidate(1, upper=4, lower=2)
    for _ in range(4):
        candidate.opened(active=False)
    for _ in range(2):
        candidate.closed(active=False)
    assert candidate.overloaded
    candidate.closed(active=False)
    assert not candidate.overloaded


def test_a_higher_or_no_upper_threshold_brings_a_candidate_back_at_once() -> None:
    for upper, overloaded in ((1, True), (5, False), (0, False)):
        candidate = a_candidate(1, upper=2)
        candidate.opened(active=True)
        candidate.opened(active=True)
        candidate.edited(Destination(1, Forwarding.NAT, upper))
        assert candidate.overloaded is overloaded


def test_without_an_upper_threshold_nobody_is_overloaded() -> None:
    candidate = a_candidate(1)
    candidate.overloaded = True
    candidate.opened(active=True)
    candidate.closed(active=True)
    assert not candidate.overloaded


def test_a_fading_connection_counts_as_inactive() -> None:
    candidate = a_candidate(1)
    candidate.opened(active=True)
    candidate.faded()
    assert (candidate.active, candidate.inactive) == (0, 1)


# --- rr


def test_rr_takes_each_in_turn_the_last_added_first() -> None:
    chooser = a_chooser("rr", a_candidate(1), a_candidate(2, 9), a_candidate(3))
    assert picks(chooser, 7) == "3213213"


def test_rr_goes_on_where_it_was_when_one_is_added_or_removed() -> None:
    two = a_candidate(2)
    chooser = a_chooser("rr", a_candidate(1), two, a_candidate(3))
    assert picks(chooser, 2) == "32"
    chooser.add(a_candidate(4))
    assert picks(chooser, 3) == "143"
    chooser.remove(two)
    assert picks(chooser, 3) == "143"


def test_rr_steps_back_when_the_one_it_stands_at_is_removed() -> None:
    three, two = a_candidate(3), a_candidate(2)
    chooser = a_chooser("rr", a_candidate(1), two, three)
    assert picks(chooser, 2) == "32"
    chooser.remove(two)
    assert picks(chooser, 1) == "1"

    assert picks(chooser, 1) == "3"
    chooser.remove(three)  # the head of the line: begin again
    assert picks(chooser, 1) == "1"


# --- wrr


def test_wrr_gives_rounds_by_weight() -> None:
    chooser = a_chooser("wrr", a_candidate(1, 4), a_candidate(2, 3), a_candidate(3, 2))
    # Adding one by one leaves the level at 1: the first round is for all, the next for weight 4.
    assert picks(chooser, 18) == 2 * "321121321"


def test_wrr_shares_are_the_weights_whatever_their_divisor() -> None:
    chooser = a_chooser("wrr", a_candidate(1, 30), a_candidate(2, 10), a_candidate(3, 0))
    chosen = picks(chooser, 400)
    assert (chosen.count("1"), chosen.count("2"), chosen.count("3")) == (300, 100, 0)


def test_wrr_begins_a_round_again_after_a_change() -> None:
    one = a_candidate(1, 4)
    chooser = a_chooser("wrr", one, a_candidate(2, 2))
    assert picks(chooser, 2) == "21"
    new_weight(chooser, one, 6)
    chosen = picks(chooser, 400)
    assert (chosen.count("1"), chosen.count("2")) == (300, 100)


def test_wrr_lowers_its_level_to_the_new_highest_weight() -> None:
    one = a_candidate(1, 10)
    chooser = a_chooser("wrr", one, a_candidate(2, 1))
    new_weight(chooser, one, 1)
    assert picks(chooser, 4) == "2121"


def test_wrr_stands_at_the_head_again_after_it_found_everybody_overloaded() -> None:
    candidates = [a_candidate(1, 3), a_candidate(2, 2)]
    for calls in range(4):
        chooser = a_chooser("wrr", *candidates)
        picks(chooser, calls)
        for candidate in candidates:
            candidate.overloaded = True
        assert picks(chooser, 2) == "--"
        for candidate in candidates:
            candidate.overloaded = False
        chosen = picks(chooser, 5)
        assert (chosen.count("1"), chosen.count("2")) == (3, 2), calls


# --- lc, wlc, sed, nq


def test_lc_takes_the_fewest_connections_whatever_the_weights() -> None:
    chooser = a_chooser("lc", a_candidate(1, 9), a_candidate(2), a_candidate(3, active=2))
    assert held(chooser, 5) == "21213"


def test_lc_takes_an_active_connection_for_256_inactive_ones() -> None:
    assert picks(a_chooser("lc", a_candidate(1, active=1), a_candidate(2, inactive=255)), 1) == "2"
    assert picks(a_chooser("lc", a_candidate(1, active=1), a_candidate(2, inactive=257)), 1) == "1"


def test_wlc_shares_connections_by_weight() -> None:
    chooser = a_chooser("wlc", a_candidate(1, 3), a_candidate(2, 1))
    chosen = held(chooser, 400)
    assert (chosen.count("1"), chosen.count("2")) == (300, 100)


def test_wlc_gives_an_idle_service_to_the_last_added_whatever_its_weight() -> None:
    assert picks(a_chooser("wlc", a_candidate(1, 9), a_candidate(2, 1)), 2) == "22"


def test_sed_lets_the_slow_wait_while_the_fast_is_expected_sooner() -> None:
    assert held(a_chooser("sed", a_candidate(1, 3), a_candidate(2, 1)), 4) == "1121"


def test_nq_takes_whoever_is_idle_before_it_reckons_as_sed() -> None:
    assert held(a_chooser("nq", a_candidate(1, 3), a_candidate(2, 1)), 4) == "2111"


# --- fo, ovf


def test_fo_gives_all_to_the_highest_weight_that_takes_any() -> None:
    one, two = a_candidate(1, 5), a_candidate(2, 3)
    chooser = a_chooser("fo", one, two)
    assert held(chooser, 3) == "111"
    new_weight(chooser, one, 0)
    assert held(chooser, 2) == "22"


def test_ovf_moves_on_when_the_highest_weight_holds_more_than_that_many() -> None:
    chooser = a_chooser("ovf", a_candidate(1, 2), a_candidate(2, 1))
    assert held(chooser, 6) == "11122-"


# --- dh, sh


def test_dh_gives_one_destination_address_to_one_real_server() -> None:
    candidates = [a_candidate(number) for number in (1, 2, 3)]
    chooser = a_chooser("dh", *candidates)
    addresses = [ip_address(f"192.0.2.{last}") for last in range(1, 100)]
    owners = [picks(chooser, 1, Call(CALL.client, port, addresses[0])) for port in range(9)]
    assert len(set(owners)) == 1
    assert {picks(chooser, 1, Call(CALL.client, 1, address)) for address in addresses} == set(
        "123"
    )


def test_sh_gives_one_client_to_one_real_server_and_shares_by_weight() -> None:
    chooser = a_chooser("sh", a_candidate(1, 3), a_candidate(2, 1))
    clients = [ip_address(f"10.{second}.0.{last}") for second in range(8) for last in range(128)]
    chosen = "".join(picks(chooser, 1, Call(client, 1, VIP)) for client in clients)
    assert picks(chooser, 3, Call(clients[0], 2, VIP)) == chosen[0] * 3
    assert 0.65 < chosen.count("1") / len(clients) < 0.85


def test_sh_hashes_the_port_too_when_it_is_told_to() -> None:
    ports = range(1000, 1100)

    def owners(flags: int) -> set[str]:
        chooser = a_chooser("sh", a_candidate(1), a_candidate(2), flags=flags)
        return {picks(chooser, 1, Call(CALL.client, port, VIP)) for port in ports}

    assert len(owners(flags=0)) == 1
    assert owners(flags=2) == {"1", "2"}


def test_sh_turns_a_client_away_whose_real_server_is_quiesced_unless_it_may_fall_back() -> None:
    calls = [Call(ip_address(f"10.1.1.{last}"), 1, VIP) for last in range(1, 100)]
    for flags, otherwise in ((0, "-"), (1, "2")):
        one = a_candidate(1)
        chooser = a_chooser("sh", one, a_candidate(2), flags=flags)
        of_one = next(call for call in calls if picks(chooser, 1, call) == "1")
        of_two = next(call for call in calls if picks(chooser, 1, call) == "2")
        new_weight(chooser, one, 0)
        assert picks(chooser, 1, of_one) == otherwise
        assert picks(chooser, 1, of_two) == "2"


def test_ipv6_addresses_are_folded_into_the_hash() -> None:
    chooser = a_chooser("sh", a_candidate(1), a_candidate(2))
    clients = [ip_address(f"2001:db8:{net:x}::1") for net in range(50)]
    assert {picks(chooser, 1, Call(client, 1, VIP)) for client in clients} == {"1", "2"}


# --- lblc, lblcr


def test_lblc_keeps_an_address_where_it_is_while_that_is_not_overloaded() -> None:
    for scheduler in ("lblc", "lblcr"):
        chooser = a_chooser(scheduler, a_candidate(1, 3), a_candidate(2, 3))
        assert held(chooser, 4) == "2222", scheduler


def test_lblc_moves_an_address_when_another_is_half_idle() -> None:
    chooser = a_chooser("lblc", a_candidate(1, 3), a_candidate(2, 3))
    assert held(chooser, 8) == "22221111"


def test_lblcr_adds_a_real_server_to_the_set_and_uses_both() -> None:
    chooser = a_chooser("lblcr", a_candidate(1, 3), a_candidate(2, 3))
    assert held(chooser, 12) == "222211111212"


def test_lblc_forgets_a_removed_a_quiesced_and_a_day_old_choice() -> None:
    for scheduler in ("lblc", "lblcr"):
        one, two = a_candidate(1), a_candidate(2)
        chooser = a_chooser(scheduler, one, two)
        assert picks(chooser, 1) == "2"
        new_weight(chooser, two, 0)
        assert picks(chooser, 1) == "1"
        chooser.remove(one)
        assert picks(chooser, 1) == "-"
        new_weight(chooser, two, 1)
        assert picks(chooser, 1) == "2"

        chooser.add(a_candidate(3))
        day = 24 * 60 * 60.0
        assert picks(chooser, 1, Call(CALL.client, 1, VIP, now_s=day - 1)) == "2"
        assert picks(chooser, 1, Call(CALL.client, 1, VIP, now_s=2 * day)) == "3"


def test_lblc_keeps_what_it_knows_when_another_real_server_is_removed() -> None:
    one = a_candidate(1)
    chooser = a_chooser("lblc", one, a_candidate(2))
    assert picks(chooser, 1) == "2"
    chooser.remove(one)
    chooser.add(a_candidate(3))
    assert picks(chooser, 1) == "2"


def test_lblcr_lets_its_busiest_go_after_a_day_without_change() -> None:
    one, two = a_candidate(1, 1), a_candidate(2, 1, active=2)
    chooser = a_chooser("lblcr", one)
    picks(chooser, 1)
    one.active = 2
    chooser.add(two)
    two.active = 0
    assert picks(chooser, 1) == "2"  # the set is both now
    one.active, two.active = 1, 0
    half_days = [Call(CALL.client, 1, VIP, now_s=43_200.0 * n + n) for n in (1, 2, 3)]
    assert [picks(chooser, 1, call) for call in half_days] == ["2", "2", "2"]
    one.active, two.active = 0, 1  # one is the idle of the two, but no longer of the set
    assert picks(chooser, 1, half_days[-1]) == "2"


def test_lblcr_keeps_a_set_in_which_nobody_takes_anything() -> None:
    one, two = a_candidate(1, 1, active=2), a_candidate(2, 1, active=2)
    chooser = a_chooser("lblcr", one)
    picks(chooser, 1)
    chooser.add(two)
    two.active = 0
    picks(chooser, 1)
    for candidate in (one, two):
        new_weight(chooser, candidate, 0)
    later = [Call(CALL.client, 1, VIP, now_s=43_200.0 * n) for n in (1, 2, 3)]
    assert [picks(chooser, 1, call) for call in later] == ["-", "-", "-"]


def test_lblc_remembers_a_bounded_number_of_addresses() -> None:
    chooser = a_chooser("lblc", a_candidate(1))
    many = [ip_address(0x0A000000 + number) for number in range(16385)]
    for address in many:
        chooser.pick(Call(CALL.client, 1, address, now_s=0.0))
    chooser.add(a_candidate(2))

    new = ip_address("203.0.113.1")
    asked = [Call(CALL.client, 1, new, now_s=100.0), Call(CALL.client, 1, many[0], now_s=100.0)]
    assert [picks(chooser, 1, call) for call in asked] == ["2", "1"]  # chosen, not remembered
    late = Call(CALL.client, 1, new, now_s=400.0)
    assert picks(chooser, 1, late) == "2"  # the stale ones made room
    chooser.add(a_candidate(3))
    assert picks(chooser, 1, late) == "2"
    assert picks(chooser, 1, Call(CALL.client, 1, many[0], now_s=400.0)) == "1"
    assert picks(chooser, 1, Call(CALL.client, 1, many[5], now_s=400.0)) == "3"


def test_a_new_model_takes_over_the_line_as_it_stands() -> None:
    chooser = a_chooser("rr", a_candidate(1), a_candidate(2))
    model = SCHEDULERS["wrr"].model
    assert model
    assert picks(model(chooser.line), 4) == "2121"
