"""The HTTP service against its own /openapi.json: Schemathesis makes good and bad requests and checks the answers."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from colorize.engine import Colorizer
from colorize.web import WebSettings
from colorize.web.api import build_api
from colorize.web.service import ColorizeService

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def document(small_network):
    service = ColorizeService(WebSettings(weights="small"), Colorizer(small_network, render_size=32))
    yield schemathesis.openapi.from_asgi("/openapi.json", build_api(service))
    service.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/colorize"),
        ("POST", "/v1/videos"),
        ("GET", "/v1/videos/{id}"),
        ("GET", "/v1/videos/{id}/result"),
        ("DELETE", "/v1/videos/{id}"),
        ("GET", "/v1/weights"),
        ("GET", "/healthz"),
    ],
)
def test_answers_are_those_of_the_document(document, method, path):
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

    @given(case=document[path][method].as_strategy())
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    def check(case):
        case.validate_response(case.call(), checks=checks)

    check()
