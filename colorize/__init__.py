"""colorize: black-and-white photographs and films in colour.

    from colorize import Colorizer, read_photo, write_photo

    colorizer = Colorizer()
    write_photo("aunt_colorized.jpg", colorizer.colorize_photo(read_photo("aunt.jpg")))

The public names stand in ``__init__.pyi`` and are imported when they are first used, so that ``import colorize`` and
``colorize --help`` cost no import of torch.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
