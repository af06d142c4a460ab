"""The OSC surface over real UDP: whatever comes, it answers, and goes on."""

from __future__ import annotations

import logging
import math
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support_control import WAIT_S, OscProbe, Recorder, finished, mutated, osc, osc_rig

from riffsidecar.control.osc import OscSurface
from riffsidecar.control.osc_reference import osc_examples
from riffsidecar.control.osc_table import ADDRESSES, QUERIES
from riffsidecar.errors import ControlError, PortTakenError, SessionError
from riffsidecar.session.commands import SelectBank, SetKnob, SetSeed, TriggerPad
from riffsidecar.session.events import Acked, Envelope, Failed, Finished, Origin, Progressed, StateChanged
from riffsidecar.session.knobs import KNOBS

Rig = tuple[OscSurface, Recorder, OscProbe]
Connect = Callable[[int], OscProbe]
NO_LOOP = (-1, "", 0.0, 0.0, "", 0, 0, 0, 0.0, 0, 0)
STATE = {
    "bank": "house",
    "banks": ["house", "lo-fi"],
    "tempo": 120.0,
    "key": "",
    "knobs": {"morph": 0.25, "density": None},
    "pads": [{"pad": 1, "name": "Kick", "prompt": "deep kick", "color": "#ff8800", "tonal": False}],
    "slot": None,
}


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return what makes clients of a port, closed at the end whatever happens."""
    probes: list[OscProbe] = []

    def make(port: int) -> OscProbe:
        probes.append(OscProbe(port))
        return probes[-1]

    yield make
    for probe in probes:
        probe.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with osc_rig(version="1.2.3") as made:
        yield made


def test_a_ping_is_answered_with_nonce_version_and_state(rig: Rig) -> None:
    _, _, probe = rig
    assert probe.ask("/riff/ping", 7, "id:a") == [
        ("/riff/pong", 7, "1.2.3", "ready", "id:a"),
        ("/riff/done", "id:a", *NO_LOOP),
    ]


def test_a_pad_goes_from_message_to_loop_with_its_id(rig: Rig) -> None:
    surface, recorder, probe = rig
    probe.send("/riff/pad", 3, 100, "id:my pad")
    envelope = recorder.next()
    assert envelope == Envelope(TriggerPad(3, 100), Origin("osc", f"127.0.0.1:{probe.port}", "id:my pad"))
    surface.notify(Acked(envelope.origin, 3))
    surface.notify(Progressed(envelope.origin, 3, 0.5, 1.25, "denoise"))
    surface.notify(finished(envelope.origin))
    assert [probe.receive() for _ in range(3)] == [
        ("/riff/ack", "id:my pad", 3),
        ("/riff/progress", "id:my pad", 0.5, 1.25, 3, "denoise"),
        (
            "/riff/done",
            "id:my pad",
            3,
            "/loops/riff_120_dusty_drums_Am.wav",
            4.0,
            120.0,
            "Am",
            42,
            352_800,
            44_100,
            1.5,
            0,
            0,
        ),
    ]


def test_a_command_that_makes_no_loop_ends_in_done_too(rig: Rig) -> None:
    surface, recorder, probe = rig
    probe.send("/riff/tempo", 90, "id:t")
    surface.notify(Acked(recorder.next().origin, None))
    assert probe.until("/riff/done") == [("/riff/ack", "id:t", -1), ("/riff/done", "id:t", *NO_LOOP)]


def test_a_request_without_an_id_gets_one(rig: Rig) -> None:
    surface, recorder, probe = rig
    for _ in range(2):
        probe.send("/riff/pad", 1)
    first, second = recorder.next().origin, recorder.next().origin
    assert first.request_id.startswith("id:")
    assert first.request_id != second.request_id
    surface.notify(Acked(first, 1))
    assert probe.receive() == ("/riff/ack", first.request_id, 1)


def test_a_failed_render_is_an_error_with_code_and_text(rig: Rig) -> None:
    surface, recorder, probe = rig
    probe.send("/riff/pad", 1, "id:x")
    surface.notify(Failed(recorder.next().origin, 1, "drop-folder", "the folder is full"))
    assert probe.receive() == ("/riff/error", "id:x", "drop-folder", "the folder is full")


def test_an_unknown_address_is_answered_with_the_nearest_one(rig: Rig) -> None:
    _, recorder, probe = rig
    ((address, request_id, code, text),) = probe.ask("/riff/pda", 3, "id:u")
    assert (address, request_id, code) == ("/riff/error", "id:u", "unknown-name")
    assert "did you mean '/riff/pad'" in text
    assert recorder.rest() == []


def test_a_refused_value_is_an_error_and_the_session_hears_nothing(rig: Rig) -> None:
    _, recorder, probe = rig
    for values in ((math.inf,), (1e9,), (19,), ("fast",)):
        (answer,) = probe.ask("/riff/tempo", *values)
        assert answer[0] == "/riff/error"
    assert recorder.rest() == []


@pytest.mark.parametrize(
    ("problem", "code"),
    [(SessionError("no such bank"), "bad-value"), (RuntimeError("a defect"), "internal")],
)
def test_an_exception_of_the_session_is_answered_and_the_surface_goes_on(
    rig: Rig, problem: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, recorder, probe = rig
    recorder.problem = problem
    (answer,) = probe.ask("/riff/bank", "house", "id:b")
    assert answer[:3] == ("/riff/error", "id:b", code)
    assert ("Traceback" in caplog.text) == (code == "internal")
    recorder.problem = None
    assert probe.ask("/riff/ping", 1)[0][0] == "/riff/pong"


def test_a_pad_that_is_let_go_is_done_at_once(rig: Rig) -> None:
    _, recorder, probe = rig
    assert probe.ask("/riff/pad", 3, 0.0, "id:up") == [
        ("/riff/ack", "id:up", -1),
        ("/riff/done", "id:up", *NO_LOOP),
    ]
    assert recorder.rest() == []


def test_answers_go_to_the_port_that_hello_has_named(rig: Rig, connect: Connect) -> None:
    surface, recorder, probe = rig
    listener = connect(surface.port)
    probe.send("/riff/hello", listener.port, "max")
    assert listener.until("/riff/done")[0] == ("/riff/welcome", listener.port, "1.2.3", "ready", "max")
    probe.send("/riff/pad", 5, "id:h")
    surface.notify(finished(recorder.next().origin, 5))
    assert listener.receive()[:3] == ("/riff/done", "id:h", 5)
    assert probe.is_quiet()


def test_a_hello_to_our_own_port_is_refused(rig: Rig) -> None:
    surface, _, probe = rig
    assert probe.ask("/riff/hello", surface.port)[0][0] == "/riff/error"


def test_registered_clients_hear_of_loops_that_others_made(rig: Rig) -> None:
    surface, _, probe = rig
    probe.ask("/riff/hello", 0, "max")
    midi = Origin("midi", "Pads")
    surface.notify(Acked(midi, None))
    surface.notify(Acked(midi, 2))
    surface.notify(finished(midi, 2))
    surface.notify(finished(Origin("osc", "127.0.0.1:9", "id:other"), 4))
    assert [message[:3] for message in (probe.receive(), probe.receive(), probe.receive())] == [
        ("/riff/ack", "midi", 2),
        ("/riff/done", "midi", 2),
        ("/riff/done", "id:other", 4),
    ]


def test_a_render_that_a_newer_move_took_the_place_of_is_an_error_for_nobody_but_who_asked(rig: Rig) -> None:
    surface, _, probe = rig
    probe.ask("/riff/hello", 0, "max")
    midi, mine = Origin("midi", "Pads"), Origin("osc", f"127.0.0.1:{probe.port}", "id:mine")
    for code in ("superseded", "render"):
        surface.notify(Failed(midi, 2, code, "text"))
    assert probe.receive() == ("/riff/error", "midi", "render", "text")
    surface.notify(Failed(mine, 2, "superseded", "text"))
    assert probe.receive() == ("/riff/error", "id:mine", "superseded", "text")


def test_registered_clients_are_told_what_has_changed_and_nothing_else(rig: Rig) -> None:
    surface, _, probe = rig
    surface.notify(StateChanged(STATE))
    probe.ask("/riff/hello", 0, "max")
    surface.notify(StateChanged({**STATE, "tempo": 90.0, "knobs": {"morph": 0.25, "density": 0.5}}))
    assert probe.receive() == ("/riff/state", "tempo", 90.0)
    assert probe.receive() == ("/riff/state", "knob", "density", 0.5)
    assert probe.ask("/riff/ping", 1)[0][0] == "/riff/pong"


def test_a_query_for_the_state_is_answered_with_all_of_it(rig: Rig) -> None:
    surface, _, probe = rig
    surface.notify(StateChanged(STATE))
    assert probe.ask("/riff/query", "state", "id:q") == [
        ("/riff/state", "bank", "house", "id:q"),
        ("/riff/state", "banks", "house", "lo-fi", "id:q"),
        ("/riff/state", "tempo", 120.0, "id:q"),
        ("/riff/state", "key", "", "id:q"),
        ("/riff/state", "knob", "morph", 0.25, "id:q"),
        ("/riff/state", "knob", "density", "free", "id:q"),
        ("/riff/state", "pad", 1, "Kick", "deep kick", "#ff8800", 0, "id:q"),
        ("/riff/state", "slot", -1, "id:q"),
        ("/riff/done", "id:q", *NO_LOOP),
    ]


def test_every_query_ends_in_done() -> None:
    with osc_rig(ports=lambda: [("midi", "in", "Pads", 1)]) as (surface, _, probe):
        surface.notify(StateChanged(STATE))
        answers = {what: probe.ask("/riff/query", what) for what in QUERIES}
    assert {rows[-1][0] for rows in answers.values()} == {"/riff/done"}
    assert [row[2] for row in answers["knobs"][:-1]] == list(KNOBS)
    assert [row[1:] for row in answers["banks"][:-1]] == [("banks", 1, "house", 1), ("banks", 2, "lo-fi", 0)]
    assert answers["pads"][0] == ("/riff/info", "pads", 1, "Kick", "deep kick", "#ff8800", 0)
    assert answers["ports"][0] == ("/riff/info", "ports", "midi", "in", "Pads", 1)
    assert [row[2] for row in answers["help"][:-1]] == [row.usage for row in ADDRESSES.values()]


def test_an_unknown_query_is_answered_with_the_nearest(rig: Rig) -> None:
    _, _, probe = rig
    (answer,) = probe.ask("/riff/query", "knob")
    assert "did you mean 'knobs'" in str(answer[3])


KILLERS = {
    "bundle element of size -4": b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc",
    "3000 bundles deep": b"".join(
        b"#bundle\0" + bytes(8) + (20 * (400 - level)).to_bytes(4, "big") for level in range(400)
    ),
    "address not UTF-8": b"/riff/\xff\xfe\0\0\0\0,\0\0\0",
    "string not UTF-8": b"/riff/key\0\0\0,s\0\0\xc3\x28\0\0",
    "blob of size -1": b"/riff/pad\0\0\0,b\0\0\xff\xff\xff\xff",
    "blob of size 999999": b"/riff/pad\0\0\0,b\0\0\0\x0f\x42\x3f" + bytes(8),
    "not a number": osc("/riff/tempo", math.nan),
    "sixty stars": osc("/riff/knob/" + "*" * 60 + "!"),
    "missing argument": b"/riff/pad\0\0\0,i\0\0",
    "unknown type tag": b"/riff/pad\0\0\0,q\0\0\0\0\0\x03",
    "64 KiB": b"/" + b"a" * 60_000,
    "an answer": osc("/riff/error", "id:1", "bad-osc", "no"),
}


@pytest.mark.parametrize("data", KILLERS.values(), ids=KILLERS.keys())
def test_after_a_killer_packet_there_is_a_pong(rig: Rig, data: bytes) -> None:
    _, recorder, probe = rig
    probe.send_bytes(data)
    probe.send("/riff/ping", 99)
    assert probe.until("/riff/pong")[-1][:2] == ("/riff/pong", 99)
    assert recorder.rest() == []


def test_a_bundle_for_an_hour_from_now_is_carried_out_now(rig: Rig) -> None:
    _, recorder, probe = rig
    message = osc("/riff/pad", 4)
    probe.send_bytes(b"#bundle\0" + b"\xff" * 4 + bytes(4) + len(message).to_bytes(4, "big") + message)
    assert recorder.command() == TriggerPad(4)


def test_a_malformed_packet_is_answered_and_a_flood_of_them_only_so_often(rig: Rig) -> None:
    _, _, probe = rig
    for _ in range(500):
        probe.send_bytes(b"garbage!")
    probe.send("/riff/ping", 1)
    answers = probe.until("/riff/pong")
    assert answers[0][:3] == ("/riff/error", "", "bad-osc")
    assert 1 <= len(answers) - 1 < 400


def test_among_garbage_every_valid_request_is_answered(
    rig: Rig, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    surface, _, probe = rig
    generator = random.Random(1)
    seeds = [*KILLERS.values(), *osc_examples()]
    noise = connect(surface.port)
    threads = threading.active_count()
    for number in range(200):
        for _ in range(25):
            noise.send_bytes(mutated(generator.choice(seeds), generator)[:9000])
        assert probe.ask("/riff/ping", number)[0][:2] == ("/riff/pong", number)
    assert threading.active_count() == threads


def test_clients_that_are_gone_do_not_keep_others_from_being_answered(rig: Rig) -> None:
    surface, _, probe = rig
    for number in range(300):
        gone = OscProbe(surface.port)
        gone.send("/riff/ping", number)
        gone.close()
    assert probe.ask("/riff/ping", 7)[0][:2] == ("/riff/pong", 7)


class _Stuck(Recorder):
    """A session that is busy with the first command until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_busy = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, envelope: Envelope) -> None:
        super().__call__(envelope)
        self.is_busy.set()
        self.go_on.wait(2 * WAIT_S)


@contextmanager
def stuck_rig(**settings: object) -> Iterator[tuple[OscSurface, _Stuck, OscProbe]]:
    """Run an OSC surface whose session is stuck in its first command, with a client."""
    surface, stuck = OscSurface(port=0, **settings), _Stuck()  # type: ignore[arg-type]
    surface.start(stuck)
    probe = OscProbe(surface.port)
    try:
        yield surface, stuck, probe
    finally:
        stuck.go_on.set()
        probe.close()
        surface.close()


def test_of_many_knob_moves_the_last_ones_count_and_the_session_hears_few() -> None:
    with stuck_rig() as (_, stuck, probe):
        names = [name for name, knob in KNOBS.items() if not knob.choices and knob.minimum == 0]
        probe.send("/riff/pad", 1)
        assert stuck.is_busy.wait(WAIT_S)
        for number in range(600):
            for name in names:
                probe.send(f"/riff/knob/{name}", number / 600)
            if number % 20 == 0:
                # The thread that empties the socket answers this itself, so it has read everything before.
                probe.send_bytes(b"garbage!")
                assert probe.receive()[0] == "/riff/error"
        probe.send("/riff/knob/morph", 0.125, "id:old")
        for name in names:
            probe.send(f"/riff/knob/{name}", 0.5)
        assert probe.until("/riff/done")[-1][1] == "id:old"
        # The first newer move ends the old one; the others have to be read too before the session goes on.
        probe.send_bytes(b"garbage!")
        assert probe.receive()[0] == "/riff/error"
        probe.send("/riff/seed", 7)
        stuck.go_on.set()
        commands = [stuck.command()]
        while not (len(commands) > 1 and commands[-1].__class__.__name__ == "SetSeed"):
            commands.append(stuck.command())
        assert commands[1:-1] == [SetKnob(name, 0.5) for name in names]


@pytest.mark.parametrize("bad", [("loud",), (7.5,), (), (0.1, 0.2)])
def test_a_malformed_move_of_a_knob_does_not_take_the_place_of_a_good_one(bad: tuple[object, ...]) -> None:
    with stuck_rig() as (_, stuck, probe):
        probe.send("/riff/pad", 1)
        assert stuck.is_busy.wait(WAIT_S)
        probe.send("/riff/knob/morph", 0.25, "id:overtaken")
        probe.send("/riff/knob/morph", *bad, "id:bad")
        probe.send("/riff/knob/morph", 0.75, "id:good")
        probe.send("/riff/knob/morph", *bad, "id:worse")
        assert probe.receive()[:2] == ("/riff/done", "id:overtaken")
        stuck.go_on.set()
        assert [stuck.command(), stuck.command()] == [TriggerPad(1), SetKnob("morph", 0.75)]
        assert [probe.receive()[:2] for _ in range(2)] == [
            ("/riff/error", "id:bad"),
            ("/riff/error", "id:worse"),
        ]
        assert stuck.rest() == []


def test_an_answer_that_comes_back_to_us_is_refused_and_an_error_is_not_answered_for_ever(rig: Rig) -> None:
    _, recorder, probe = rig
    for address in ("/riff/pong", "/riff/done", "/riff/state"):
        (refusal,) = probe.ask(address, 7, "id:echo")
        assert refusal[:3] == ("/riff/error", "id:echo", "unknown-name")
        assert address in str(refusal[3])
    probe.send("/riff/error", "id:1", "bad-osc", "no")
    assert probe.ask("/riff/ping", 1)[0][0] == "/riff/pong"
    assert recorder.rest() == []


def test_a_number_that_is_none_is_refused_under_the_id_of_its_request(rig: Rig) -> None:
    _, _, probe = rig
    for value in (math.nan, math.inf):
        (refusal,) = probe.ask("/riff/tempo", value, "id:none")
        assert refusal[:3] == ("/riff/error", "id:none", "bad-osc")


def test_an_empty_packet_is_answered(rig: Rig) -> None:
    _, _, probe = rig
    probe.send_bytes(b"")
    assert probe.receive()[:3] == ("/riff/error", "", "bad-osc")


def test_what_still_waits_at_the_end_is_told_that_the_daemon_stops() -> None:
    with stuck_rig() as (surface, stuck, probe):
        probe.send("/riff/pad", 1)
        assert stuck.is_busy.wait(WAIT_S)
        probe.send("/riff/pad", 2, "id:late")
        probe.send_bytes(b"garbage!")
        assert probe.receive()[2] == "bad-osc"
        closing = threading.Thread(target=surface.close)
        closing.start()
        assert surface._closing.wait(WAIT_S)
        stuck.go_on.set()
        assert probe.receive()[:3] == ("/riff/error", "id:late", "cancelled")
        closing.join(WAIT_S)


def test_a_defect_of_ours_costs_one_packet(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    surface, _, probe = rig
    with monkeypatch.context() as patch:
        patch.setattr(surface, "_queue", lambda raw, peer: 1 / 0)
        probe.send("/riff/ping", 1)
        probe.send_bytes(b"garbage!")
        assert probe.receive()[2] == "bad-osc"
    assert "ZeroDivisionError" in caplog.text
    assert probe.ask("/riff/ping", 2)[0][:2] == ("/riff/pong", 2)


def test_when_too_many_messages_wait_the_next_ones_are_refused_and_the_others_keep_their_order() -> None:
    with stuck_rig() as (_, stuck, probe):
        probe.send("/riff/seed", 0)
        assert stuck.is_busy.wait(WAIT_S)
        sent, code = 0, ""
        while code != "busy":
            assert sent < 20_000
            for _ in range(150):
                sent += 1
                probe.send("/riff/seed", sent, f"id:{sent}")
            # The thread that empties the socket answers this itself: no more than this waits in the kernel.
            probe.send_bytes(b"garbage!")
            _, request_id, code, *_ = probe.receive()
        assert str(request_id).startswith("id:")
        stuck.go_on.set()
        # Once a second command comes, all that waited have been taken, and there is room for another.
        heard = [stuck.command(), stuck.command()]
        probe.send("/riff/bank", "house")
        while not isinstance(heard[-1], SelectBank):
            heard.append(stuck.command())
        seeds = [command.seed for command in heard if isinstance(command, SetSeed)]
        assert seeds == sorted(seeds)
        assert 4096 <= len(seeds) <= sent


def test_with_a_token_only_those_who_know_it_are_obeyed(connect: Connect) -> None:
    with osc_rig(token="correct horse") as (surface, recorder, probe):
        (refusal,) = probe.ask("/riff/pad", 1, "id:no")
        assert refusal[:3] == ("/riff/error", "id:no", "forbidden")
        probe.send("/riff/pad", "token:correct horse", 2)
        assert recorder.command() == TriggerPad(2)
        assert probe.ask("/riff/pad", "token:wrong", 3)[0][2] == "forbidden"
        assert probe.ask("/riff/hello", "token:correct horse", 0)[0][0] == "/riff/welcome"
        probe.send("/riff/pad", 4)
        assert recorder.command() == TriggerPad(4)
        stranger = connect(surface.port)
        assert stranger.ask("/riff/pad", 5)[0][2] == "forbidden"
        assert recorder.rest() == []


def test_a_stranger_is_told_nothing_but_that_a_token_is_wanted() -> None:
    with osc_rig(token="correct horse") as (_, _, probe):
        probe.send("/riff/pad", 1, "id:" + "x" * 100)
        assert probe.receive()[2] == "forbidden"


def test_a_hello_without_the_token_is_refused_where_its_sender_listens() -> None:
    with osc_rig(token="correct horse") as (_, recorder, probe), socket.socket(type=socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(WAIT_S)
        (refusal,) = probe.ask("/riff/hello", ear.getsockname()[1], "max")
        assert refusal[2] == "forbidden"
        assert b"forbidden" in ear.recv(4096)
        assert probe.ask("/riff/hello", "not a port")[0][2] == "forbidden"
        assert recorder.rest() == []


def test_a_stranger_cannot_replace_the_knob_of_one_who_knows_the_token(connect: Connect) -> None:
    with stuck_rig(token="correct horse") as (surface, stuck, friend):
        stranger = connect(surface.port)
        friend.send("/riff/pad", "token:correct horse", 1)
        assert stuck.is_busy.wait(WAIT_S)
        friend.send("/riff/knob/morph", "token:correct horse", 0.75)
        stranger.send("/riff/knob/morph", 0.0)
        stuck.go_on.set()
        assert [stuck.command(), stuck.command()] == [TriggerPad(1), SetKnob("morph", 0.75)]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.10", "::"])
def test_others_on_the_network_are_only_let_in_with_a_token_or_a_list(host: str) -> None:
    with pytest.raises(ControlError, match="token or an allow-list"):
        OscSurface(host)
    OscSurface(host, token="correct horse")
    OscSurface(host, allow=("192.168.1.0/24",))


def test_by_default_only_this_machine_can_reach_the_port(rig: Rig) -> None:
    surface, _, _ = rig
    table = Path("/proc/net/udp")
    if not table.exists():
        pytest.skip("no table of sockets on this system")
    ends = [line.split()[1] for line in table.read_text(encoding="ascii").splitlines()[1:]]
    assert [end for end in ends if end.endswith(f":{surface.port:04X}")] == [f"0100007F:{surface.port:04X}"]


def test_a_taken_port_is_an_error_at_once_and_the_surface_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        surface = OscSurface(port=other.getsockname()[1])
        with pytest.raises(PortTakenError, match="--port"):
            surface.start(Recorder())
        surface.close()
    assert threading.active_count() == threads


def test_an_event_that_cannot_be_written_is_dropped_and_the_surface_goes_on(rig: Rig) -> None:
    surface, recorder, probe = rig
    probe.send("/riff/pad", 1, "id:e")
    origin = recorder.next().origin
    surface.notify(Progressed(origin, 1, 0.5, math.inf, "denoise"))
    assert probe.receive() == ("/riff/progress", "id:e", 0.5, -1.0, 1, "denoise")
    broken = finished(origin)
    surface.notify(
        Finished(**{**{name: getattr(broken, name) for name in broken.__slots__}, "bpm": math.nan})  # type: ignore[arg-type]
    )
    surface.notify(finished(origin))
    assert probe.receive()[0] == "/riff/done"
