"""The port is ours alone, on this machine alone, or a clear error."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from riffsidecar.control.osc_socket import is_loopback, open_udp_socket, port_owner
from riffsidecar.errors import ControlError, PortTakenError


def test_a_taken_port_is_named_with_its_owner_and_the_flag_that_helps() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"{port}.*taken.*--port") as caught:
            open_udp_socket("127.0.0.1", port)
    if Path("/proc/net/udp").exists():
        assert f"process {os.getpid()}" in str(caught.value)


def test_two_daemons_never_share_a_port() -> None:
    with open_udp_socket("127.0.0.1", 0) as first, pytest.raises(PortTakenError):
        open_udp_socket("127.0.0.1", first.getsockname()[1])


def test_the_address_is_not_reusable() -> None:
    with open_udp_socket("127.0.0.1", 0) as opened:
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0


def test_without_a_process_table_the_usual_neighbour_is_named(tmp_path: Path) -> None:
    assert port_owner(11000, tmp_path) == "AbletonOSC"
    assert port_owner(9123, tmp_path) == "another riffsidecar"
    assert port_owner(4242, tmp_path) is None


@pytest.mark.parametrize("host", ["studio.local", "", "127.0.0", "300.1.1.1"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(ControlError, match="is no IP address"):
        is_loopback(host)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ControlError, match="--bind"):
        open_udp_socket("192.0.2.1", 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ControlError, match="0 to 65535"):
        open_udp_socket("127.0.0.1", port)
