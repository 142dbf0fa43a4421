from .command import main as main
from .server import build_app as build_app
from .settings import WebSettings as WebSettings
