from .files import colorize_files as colorize_files
from .jobs import RESULT_SUFFIX as RESULT_SUFFIX
from .jobs import FileOptions as FileOptions
from .jobs import Job as Job
from .jobs import Outcome as Outcome
from .jobs import plan as plan
from .jobs import result_suffix as result_suffix
from .process import configure_process as configure_process
