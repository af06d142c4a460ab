"""Make commands from the arguments of OSC messages, once the table has checked their number and kinds."""

from __future__ import annotations

from collections.abc import Callable

from riffsidecar.control.osc_codec import OscValue
from riffsidecar.errors import OscError, SessionError, UnknownNameError
from riffsidecar.music import Chords, Key, Meter, Tempo, exact, parse_bars
from riffsidecar.session import commands
from riffsidecar.session.actions import Action
from riffsidecar.session.journey_command import JOURNEY_OPTIONS
from riffsidecar.session.knobs import FREE, Knob
from riffsidecar.session.learning import LEARN_MODES
from riffsidecar.session.options import LOCAL_OPTIONS, OPTIONS, option_name
from riffsidecar.session.seeds import SOUND, SeedChoice, SeedUse

__all__ = [
    "LAST_SLOT",
    "Build",
    "make_action",
    "make_bank",
    "make_bars",
    "make_cancel",
    "make_chords",
    "make_follow",
    "make_journey",
    "make_key",
    "make_knob",
    "make_learn",
    "make_meter",
    "make_model",
    "make_pad",
    "make_render",
    "make_seed",
    "make_seed_audio",
    "make_tempo",
    "make_transport",
]

Build = Callable[[tuple[OscValue, ...]], commands.Command | None]
"""Make a command, or None when a message asks for none. Raise a RiffError when its values do not fit."""

LAST_SLOT = -1
"""How a client names the slot that was played last."""

_TEMPO_SOURCES = ("request", "live")
_NONE = ("", "none", FREE)
_MAX_SHOWN = 40


def make_pad(arguments: tuple[OscValue, ...]) -> commands.Command | None:
    """Trigger a pad; velocity 0 is a button that is let go, and asks for nothing."""
    pad, velocity = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else None
    if velocity == 0:
        # The pad is checked all the same.
        commands.TriggerPad(pad)
        return None
    return commands.TriggerPad(pad, velocity)


def make_render(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Render a prompt with options in pairs."""
    prompt, pairs = str(arguments[0]), arguments[1:]
    if len(pairs) % 2:
        raise OscError(
            f"option {str(pairs[-1])[:_MAX_SHOWN]!r} has no value: options are pairs of key and value"
        )
    options = tuple((option_name(name), value) for name, value in zip(pairs[::2], pairs[1::2], strict=True))
    for name, _ in options:
        _refuse_local(name)
    return commands.Render(prompt, options)


def make_journey(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Travel through prompts: texts up to the first that is the name of an option, then options in pairs."""
    names = [option_name(word) if isinstance(word, str) else "" for word in arguments]
    first = next((at for at, name in enumerate(names) if name in JOURNEY_OPTIONS), len(arguments))
    prompts, pairs = arguments[:first], arguments[first:]
    for word in prompts:
        if not isinstance(word, str):
            raise OscError(f"{word} stands among the prompts, but a prompt is text: name its option first")
    if len(pairs) % 2:
        raise OscError(
            f"option {str(pairs[-1])[:_MAX_SHOWN]!r} has no value: options are pairs of key and value"
        )
    options = tuple((option_name(name), value) for name, value in zip(pairs[::2], pairs[1::2], strict=True))
    for name, _ in options:
        if name not in JOURNEY_OPTIONS:
            _refuse_local(name)
    return commands.StartJourney(tuple(str(prompt) for prompt in prompts), options)


def _refuse_local(name: str) -> None:
    if name in LOCAL_OPTIONS:
        raise SessionError(
            f"option {name} is not taken over OSC: nothing off the wire names a file or a model"
        )
    if name not in OPTIONS and any(word in name for word in ("path", "file", "dir", "folder", "out")):
        raise UnknownNameError(
            f"no option {name[:_MAX_SHOWN]!r}: no path comes off the wire, loops go to the daemon's folder"
        )


def make_knob(knob: Knob) -> Build:
    """Return what turns a knob."""

    def build(arguments: tuple[OscValue, ...]) -> commands.Command:
        return commands.SetKnob(knob.name, arguments[0])

    return build


def make_action(action: Action) -> Build:
    """Return what does an action to the loop of a slot."""

    def build(arguments: tuple[OscValue, ...]) -> commands.Command:
        slot = int(arguments[0]) if arguments else LAST_SLOT
        return commands.Perform(action.name, arguments[1:], None if slot == LAST_SLOT else slot)

    return build


def make_tempo(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Set the tempo, or let a source of it go."""
    source = str(arguments[1]) if len(arguments) > 1 else "request"
    if source not in _TEMPO_SOURCES:
        raise SessionError(
            f"tempo source is {source[:_MAX_SHOWN]!r}, but must be one of {', '.join(_TEMPO_SOURCES)}"
        )
    if arguments[0] == commands.RELEASE:
        return commands.ReleaseTempo(source)
    return commands.SetTempo(Tempo.parse(arguments[0]), source)


def make_meter(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Set the meter."""
    return commands.SetMeter(Meter(int(arguments[0]), int(arguments[1])))


def make_learn(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Let a pad or a knob wait for a control; the last word may be how the control counts."""
    words = _joined(arguments).lower().split()
    mode = words.pop() if words and words[-1] in LEARN_MODES else "auto"
    target = " ".join(words)
    return commands.Learn("" if target in _NONE else target, mode)


def make_transport(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Say that the host plays, 1, or stands still, 0."""
    if arguments[0] not in (0, 1):
        raise SessionError(f"transport is {arguments[0]}, but must be 1 while the host plays, else 0")
    position = exact(arguments[1], "position") if len(arguments) > 1 else None
    return commands.SetTransport(bool(arguments[0]), position)


def make_follow(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Choose what loops do when the tempo or the meter changes."""
    return commands.SetFollow(str(arguments[0]))


def make_model(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Choose a model by its name."""
    return commands.SetModel(str(arguments[0]))


def make_bars(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Set the bars, or give each pad its own again."""
    return commands.SetBars(None if arguments[0] == commands.RELEASE else parse_bars(arguments[0]))


def _joined(arguments: tuple[OscValue, ...]) -> str:
    """Join words: in Max and Pd a text with blanks arrives as several symbols more easily than as one."""
    return " ".join(str(word) for word in arguments).strip()


def make_key(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Set the key, or none."""
    text = _joined(arguments)
    return commands.SetKey(None if text.lower() in _NONE else Key.parse(text))


def make_chords(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Set the chords, or none."""
    text = _joined(arguments)
    return commands.SetChords(None if text.lower() in _NONE else Chords.parse(text))


def make_bank(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Select a bank by name or number."""
    bank = arguments[0]
    return commands.SelectBank(int(bank) if isinstance(bank, float) and bank.is_integer() else bank)  # type: ignore[arg-type]


def make_seed(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Set the seed."""
    return commands.SetSeed(int(arguments[0]))


def make_seed_audio(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Give a slot seed audio by its name, or take it away."""
    slot, name, use = int(arguments[0]), str(arguments[1]), _joined(arguments[2:])
    if name.strip().lower() in _NONE:
        return commands.SetSeedAudio(slot, None)
    return commands.SetSeedAudio(slot, SeedChoice(name, SeedUse.parse(use) if use else SOUND))


def make_cancel(arguments: tuple[OscValue, ...]) -> commands.Command:
    """Cancel a slot, or all."""
    return commands.Cancel(int(arguments[0]) if arguments else None)
