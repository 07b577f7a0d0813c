"""What uv is told when the environment is made."""

import pytest

from scripts import set_up

LISTED = """\
:env:.find-links='/wheels'
global.extra-index-url='https://one/simple\\nhttps://two/simple'
global.index-url='https://global/simple'
install.index-url='https://install/simple'
global.quiet='1'
"""


def test_uv_is_told_the_indexes_that_pip_knows():
    assert set_up.uv_settings(LISTED, {}) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://install/simple",
        "UV_INDEX": "https://one/simple https://two/simple",
        "UV_FIND_LINKS": "/wheels",
    }
    listed = LISTED + ":env:.index-url='https://environment/simple'\n"
    assert set_up.uv_settings(listed, {})["UV_DEFAULT_INDEX"] == "https://environment/simple"


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_uv_was_told_itself_stays(name):
    assert "UV_DEFAULT_INDEX" not in set_up.uv_settings(LISTED, {name: "https://mine/simple"})


def test_only_uv_is_taken_from_the_lock_with_all_its_hashes():
    lines = set_up.uv_lines(set_up.LOCK.read_text()).splitlines()
    assert lines[0].startswith("uv==")
    assert len(lines) > 2
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])
    with pytest.raises(ValueError, match="pins no uv"):
        set_up.uv_lines("uvloop==1.0 \\\n    --hash=sha256:0\n")
