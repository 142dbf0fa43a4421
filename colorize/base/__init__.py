"""Errors, formats, defaults, settings, times, hashes, atomic writes, compat: what every wing uses; nothing heavy.

Its face is ``__init__.pyi``: other wings import those names alone, and each is loaded when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
