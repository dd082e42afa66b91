"""The server keeps what its own schema promises, whatever it is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from petvision.server.desk import Desk
from tests.server.conftest import running

schemathesis = pytest.importorskip("schemathesis")


def _run(address: str, cases: int) -> list[str]:
    """Send generated requests, well formed and not; what broke a promise, in words."""
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.specs.openapi import checks

    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    kept = (
        schemathesis.checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
        checks.unsupported_method,
    )
    operations = [operation.ok() for operation in schema.get_all_operations()]
    assert len(operations) == 4
    broken: list[str] = []
    sent = 0
    modes = schemathesis.GenerationMode
    for operation in operations:
        for mode in (modes.POSITIVE, modes.NEGATIVE):
            has_input = operation.body or operation.query
            if mode is modes.NEGATIVE and not has_input:
                continue
            share = cases // 5 if has_input else cases // 10

            @settings(
                max_examples=share,
                deadline=None,
                database=None,
                derandomize=True,
                phases=(Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: schemathesis.Case) -> None:
                nonlocal sent
                sent += 1
                response = case.call(timeout=60)
                if response.status_code == 503:
                    raise AssertionError(response.text)
                case.validate_response(response, checks=list(kept))

            try:
                ask()
            except Exception as fault:  # noqa: BLE001 - collected, so that one run tells all
                broken.append(f"{operation.label}, {mode}: {fault!s:.2000}")
    print(f"{sent} requests")
    return broken


def test_a_few_generated_requests_break_no_promise(desk: Desk) -> None:
    with running(desk) as address:
        assert not _run(address, 60)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_thousand_generated_requests_break_no_promise(
    desk: Desk, catdog: str, tmp_path: Path
) -> None:
    """With the bundled model, as a person serves it."""
    desk.close()
    served = Desk(os.fspath(catdog), engine="auto")
    with running(served) as address:
        assert not _run(address, 2500)
