from .arguments import Parser as Parser
from .arguments import add_arguments as add_arguments
from .arguments import command_options as command_options
from .arguments import from_arguments as from_arguments
from .arguments import make_options as make_options
from .command import FAILED as FAILED
from .command import OK as OK
from .command import main as main
