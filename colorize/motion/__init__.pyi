from .flow import FlowFinder as FlowFinder
from .flow import flow_confidence as flow_confidence
from .options import TemporalOptions as TemporalOptions
from .temporal import TemporalPainter as TemporalPainter
