"""The field order of interlaced frames: read from decoded frames, and stated by frames and packets that are written."""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph
from av.packet import Packet
from av.video.format import VideoFormat

H264_PROGRESSIVE = b"\x00\x00\x01\x06\x01\x01\x04\x80"
"""A picture timing SEI of x264's with the structure 0, a whole frame (H.264, table D-1)."""
H264_INTERLACED = (b"\x00\x00\x01\x06\x01\x01\x32\x80", b"\x00\x00\x01\x06\x01\x01\x42\x80")
"""The same with the structures 3 and 4: the top or the bottom field first."""


class FieldOrderReader:
    """Reads the field order of decoded frames; PyAV's frames do not say it, and of all that PyAV has, a filter does."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def read(self, frame: av.VideoFrame) -> str | None:
        """Return ``tff`` or ``bff`` (top or bottom field first) of an interlaced frame, None of a progressive one."""
        if not frame.interlaced_frame:
            return None
        shape = (frame.width, frame.height, frame.format.name)
        if self._graph is None or shape != self._shape:
            self._graph, self._shape = _filter_graph(*shape, "select", "eq(interlace_type,TOPFIRST)"), shape
        self._graph.push(frame)
        try:
            self._graph.pull()
        except BlockingIOError:  # the filter let nothing through
            return "bff"
        return "tff"


class FieldOrderLabeler:
    """Makes frames of one size state that they are interlaced."""

    def __init__(self) -> None:
        self._graphs: dict[str, Graph] = {}

    def label(self, frame: av.VideoFrame, order: str) -> av.VideoFrame:
        """Return a frame that states the order ``tff`` or ``bff``."""
        if order not in self._graphs:
            self._graphs[order] = _filter_graph(frame.width, frame.height, frame.format.name, "setfield", order)
        graph = self._graphs[order]
        graph.push(frame)
        labeled = graph.pull()
        assert isinstance(labeled, av.VideoFrame)
        labeled.time_base = frame.time_base
        return labeled


def state_progressive(packet: Packet) -> None:
    """Make a packet of x264's interlaced H.264 state that its frame is progressive.

    FFmpeg cannot ask x264 for this: a stream is interlaced as a whole, and only each frame's picture timing may say
    that its two fields are of one moment.
    """
    data = bytes(packet)
    for interlaced in H264_INTERLACED:
        data = data.replace(interlaced, H264_PROGRESSIVE)
    packet.update(data)


def _filter_graph(width: int, height: int, format: str, name: str, argument: str) -> Graph:
    """Return a graph of one filter for frames of a size and pixel format."""
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=VideoFormat(format), time_base=Fraction(1, 90_000))
    filter, sink = graph.add(name, argument), graph.add("buffersink")
    source.link_to(filter)
    filter.link_to(sink)
    graph.configure()
    return graph
