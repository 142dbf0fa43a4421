from .candidates import check_candidate_weights as check_candidate_weights
from .candidates import draw_candidates as draw_candidates
from .candidates import predict_candidates as predict_candidates
from .colorizer import Colorizer as Colorizer
from .grid import grid_size as grid_size
from .hints import Hint as Hint
from .hints import draw_hints as draw_hints
from .settings import ColorSettings as ColorSettings
