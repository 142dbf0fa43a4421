from .command import FAILED as FAILED
from .command import OK as OK
from .command import main as main
from .options import Parser as Parser
from .options import check_ranges as check_ranges
