"""What several test files use."""

import shutil
from contextlib import contextmanager

import jax
import pytest

_REQUESTS = "/jax/core/compile/backend_compile_duration"
_asked = []
jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: event == _REQUESTS and _asked.append(1))


def pytest_ignore_collect(collection_path, config):
    """Where no test needs a browser, what those that do import is left alone."""
    browser = collection_path.name in ("test_explorers.py", "test_pages.py")
    return True if browser and config.option.markexpr == "not browser" else None


@pytest.fixture
def count_compilations():
    """A context manager that gives a function: how many programs JAX has asked XLA for since then."""

    @contextmanager
    def counting():
        before = len(_asked)
        yield lambda: len(_asked) - before

    return counting


@pytest.fixture(scope="session")
def browser():
    """Chromium: one for all files, as a process can drive one only."""
    from playwright.sync_api import sync_playwright

    candidates = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    program = next(filter(None, map(shutil.which, candidates)), None)
    if program is None:
        pytest.fail(f"the tests of pages need Chromium: none of {', '.join(candidates)} is on the PATH")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        arguments.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()
