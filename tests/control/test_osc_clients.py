"""Who may speak, and where answers go."""

from __future__ import annotations

import pytest

from riffsidecar.control.osc_clients import OscClients
from riffsidecar.errors import ControlError, OscError

MAX = ("127.0.0.1", 50001)
TOUCH = ("127.0.0.1", 50002)
ELSEWHERE = ("192.168.1.7", 50001)


def test_an_unknown_client_is_answered_where_it_sent_from() -> None:
    assert OscClients().replies(MAX) == (MAX,)


def test_a_default_reply_port_comes_before_the_port_that_was_sent_from() -> None:
    assert OscClients(reply_port=9001).replies(MAX) == (("127.0.0.1", 9001),)


def test_a_registered_reply_port_comes_before_the_default() -> None:
    clients = OscClients(reply_port=9001)
    clients.hello(MAX, 9200, "max")
    assert clients.replies(MAX) == (("127.0.0.1", 9200),)


def test_answers_only_go_to_the_address_that_was_sent_from() -> None:
    clients = OscClients()
    clients.hello(MAX, 9200, "max")
    assert clients.replies(ELSEWHERE) == (ELSEWHERE,)


def test_a_client_that_sends_each_message_from_another_port_is_answered_at_the_port_of_its_hello() -> None:
    clients = OscClients()
    clients.hello(MAX, 9200, "oscsend")
    assert ("127.0.0.1", 9200) in clients.replies(TOUCH)


def test_a_client_in_use_does_not_get_the_answers_of_others() -> None:
    clients = OscClients()
    clients.hello(MAX, 9200, "max")
    clients.heard(MAX)
    assert clients.replies(TOUCH) == (TOUCH,)


def test_a_client_that_says_hello_over_and_over_from_one_port_does_not_get_the_answers_of_others() -> None:
    clients = OscClients()
    clients.hello(MAX, 9150, "pd")
    assert clients.replies(TOUCH) == (TOUCH, ("127.0.0.1", 9150))
    clients.heard(MAX)
    for _ in range(2):
        clients.hello(MAX, 9150, "pd")
        assert clients.replies(TOUCH) == (TOUCH,)
        assert clients.listeners() == (("127.0.0.1", 9150),)


def test_reply_port_zero_is_the_port_that_was_sent_from() -> None:
    clients = OscClients()
    assert clients.hello(TOUCH, 0, "") == 50002
    assert clients.listeners() == (TOUCH,)


@pytest.mark.parametrize("port", [-1, 65536, 2**31 - 1])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(OscError, match="reply_port"):
        OscClients().hello(MAX, port, "")


def test_the_number_of_clients_is_bounded_and_the_ones_in_use_stay() -> None:
    clients = OscClients()
    clients.hello(MAX, 9200, "max")
    for port in range(1, 1000):
        clients.hello(("127.0.0.1", port), 0, "")
        clients.heard(MAX)
    assert len(clients.listeners()) == 64
    assert clients.replies(MAX) == (("127.0.0.1", 9200),)


def test_without_the_token_nobody_is_obeyed() -> None:
    clients = OscClients(token="correct horse")
    assert not clients.trusts(MAX, None)
    assert not clients.trusts(MAX, "correct")
    assert not clients.trusts(MAX, "")
    assert clients.trusts(MAX, "correct horse")
    assert not clients.trusts(MAX, None)


def test_where_a_list_lets_a_phone_in_its_token_is_passed_over_and_this_machine_needs_none() -> None:
    clients = OscClients(allow=("192.168.1.0/24",))
    for host, token in (("192.168.1.7", "riffsidecar"), ("127.0.0.1", None)):
        assert clients.allows(host) and clients.trusts((host, 9000), token)
    assert not clients.allows("192.168.2.7")


def test_a_hello_with_the_token_is_enough_for_that_port_alone() -> None:
    clients = OscClients(token="correct horse")
    clients.hello(MAX, 9200, "max")
    assert clients.trusts(MAX, None)
    assert not clients.trusts(TOUCH, None)
    assert not clients.trusts(MAX, "wrong")


def test_the_token_is_taken_off_the_arguments() -> None:
    clients = OscClients(token="x")
    assert clients.strip_token(("token:x", 3)) == ((3,), "x")
    assert clients.strip_token((3, "token:x")) == ((3, "token:x"), None)
    assert clients.strip_token(()) == ((), None)


def test_an_allow_list_holds_addresses_and_networks_and_always_this_machine() -> None:
    clients = OscClients(allow=("192.168.1.0/24", "10.0.0.7"))
    hosts = ["192.168.1.200", "10.0.0.7", "127.0.0.1", "::1", "192.168.2.1", "10.0.0.8", "fe80::1%eth0"]
    assert [clients.allows(host) for host in hosts] == [True, True, True, True, False, False, False]


def test_a_wrong_allow_list_is_refused() -> None:
    with pytest.raises(ControlError, match=r"studio.local.*192\.168\.1\.0/24"):
        OscClients(allow=("studio.local",))
