from .cuts import ClassifiedFrame as ClassifiedFrame
from .cuts import classify_frames as classify_frames
from .flow import FlowFinder as FlowFinder
from .flow import flow_confidence as flow_confidence
from .frames import SegmentEnd as SegmentEnd
from .options import TemporalOptions as TemporalOptions
from .temporal import TemporalPainter as TemporalPainter
