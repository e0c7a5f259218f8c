from __future__ import annotations

import os

import pytest

from swaplab_core.testing.sim.output import Output, flood_blocks


@pytest.mark.parametrize("size", [0, 1, 100, 65536, 1_000_000])
def test_a_flood_has_exactly_the_size_asked_for(size):
    assert sum(map(len, flood_blocks(size))) == size


def test_lines_come_out_in_order():
    reader, writer = os.pipe()
    output = Output(writer)
    output.start()
    for number in range(100):
        output.write(b"%d\n" % number)
    output.close()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"".join(b"%d\n" % number for number in range(100))


def test_writing_and_closing_never_wait_for_a_reader_who_does_not_read():
    reader, writer = os.pipe()
    output = Output(writer, flood_bytes=10_000_000)
    output.start()
    output.write(b"a line\n")
    output.close()
    os.close(reader)  # now the thread's write fails, and it ends
    output.close()
    os.close(writer)


def test_a_reader_who_has_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    output = Output(writer)
    output.start()
    output.write(b"to nobody\n")
    output.close()
    os.close(writer)
