"""What a worker says is heard whole, never waited for, and told from what others write."""

import os
from multiprocessing import Pipe

import pytest

from needle_cli.running.channel import CHANNEL_LOST, Ear, Malformed, Voice, message_of

NUMBER = "0123456789abcdef"


@pytest.fixture
def ends():
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_what_is_said_is_heard_in_order(ends):
    ear, voice = Ear(ends[0], NUMBER), Voice(ends[1], NUMBER)
    assert list(ear.hear()) == []
    voice.say("case", {"a": "line\nbreak"})
    voice.say("answer", {"rows": [1, 2]})
    heard = [(kind, message_of(text)) for kind, text in ear.hear()]
    assert heard == [("case", {"a": "line\nbreak"}), ("answer", {"rows": [1, 2]})]
    assert not ear.closed


def test_half_a_line_waits_for_the_rest(ends):
    ear = Ear(ends[0], NUMBER)
    line = f"{NUMBER} answer {{}}\n".encode()
    for piece in (line[:5], line[5:-4]):
        os.write(ends[1].fileno(), piece)
        assert list(ear.hear()) == []
    os.write(ends[1].fileno(), line[-4:])
    assert [kind for kind, _ in ear.hear()] == ["answer"]


@pytest.mark.parametrize("written", [
    b"hello world\n", b"\x00\x10\x00\x00xx", b"\n", b"x", f"{NUMBER}\n".encode(),
    f"{NUMBER} answer\n".encode(), b"0123456789abcdee answer {}\n",
])  # fmt: skip
def test_what_something_else_wrote_is_malformed(ends, written):
    os.write(ends[1].fileno(), written)
    with pytest.raises(Malformed):
        list(Ear(ends[0], NUMBER).hear())


@pytest.mark.parametrize("text", ["", "[]", "{", "3", "[" * 100_000])
def test_what_is_no_message_is_malformed(text):
    with pytest.raises(Malformed):
        message_of(text)


def test_a_closed_channel_is_known(ends):
    ear = Ear(ends[0], NUMBER)
    ends[1].close()
    assert list(ear.hear()) == [] and ear.closed


def in_a_child(act):
    """Return the exit code of a forked child that acts; 0 if it returns."""
    process = os.fork()
    if not process:
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_says_nothing(ends):
    ear, voice = Ear(ends[0], NUMBER), Voice(ends[1], NUMBER)
    assert in_a_child(lambda: voice.say("answer", {})) == 0
    assert list(ear.hear()) == []
    assert in_a_child(lambda: Voice(ends[1], NUMBER).say("answer", {})) == 0
    assert len(list(ear.hear())) == 1  # the twin: a voice of its own is heard


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("harm", [
    lambda handle: os.close(handle),
    lambda handle: os.dup2(os.open(os.devnull, os.O_WRONLY), handle),
], ids=["closed", "replaced"])  # fmt: skip
def test_a_channel_that_is_gone_ends_the_process(ends, harm):
    def act():
        voice = Voice(ends[1], NUMBER)
        harm(ends[1].fileno())
        voice.say("answer", {})

    assert in_a_child(act) == CHANNEL_LOST
