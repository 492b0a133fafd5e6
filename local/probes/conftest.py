"""One local AWS for the whole session, unless ENDPOINT names another."""

from collections.abc import Iterator

import pytest

from local.probes import kit
from local.stack import LocalStack


@pytest.fixture(scope="session", autouse=True)
def _endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if kit.ENDPOINT:
        kit.prepare(kit.ENDPOINT)
        yield
        return
    with LocalStack.start(tmp_path_factory.mktemp("local-aws")) as stack:
        kit.prepare(stack.endpoint)
        yield
