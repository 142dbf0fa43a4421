from .base import ImageError as ImageError
from .base import VideoError as VideoError
from .base import WeightsError as WeightsError
from .color import lab_to_rgb as lab_to_rgb
from .color import rgb_to_lab as rgb_to_lab
from .engine import Colorizer as Colorizer
from .engine import Hint as Hint
from .engine import draw_candidates as draw_candidates
from .engine import read_hints as read_hints
from .engine import write_hints as write_hints
from .film import Progress as Progress
from .film import VideoOptions as VideoOptions
from .film import VideoResult as VideoResult
from .film import VideoStopped as VideoStopped
from .film import colorize_video as colorize_video
from .motion import TemporalOptions as TemporalOptions
from .photo import Photo as Photo
from .photo import read_image as read_image
from .photo import read_photo as read_photo
from .photo import read_photos as read_photos
from .photo import write_photo as write_photo
from .photo import write_photos as write_photos

__version__: str
