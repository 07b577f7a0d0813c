"""Install the lock and the book's package into the environment whose Python runs this, hashes checked.

    .venv/bin/python scripts/set_up.py

pip installs uv, at the version and with the hashes of requirements.txt, and uv the rest in a tenth of pip's time. Where
uv cannot be had or fails, pip installs all of it. uv reads no pip.conf: it is handed what pip was told about indexes.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
PIP = [sys.executable, "-m", "pip"]
UV = [str(Path(sys.executable).with_name("uv")), "pip"]
LIKE_PIP = {  # what pip calls it, and what uv does
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
}
OLDER_NAMES = {"UV_INDEX_URL": "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL": "UV_INDEX"}


def uv_settings(listed: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that tell uv what `pip config list` says, but for what the environment tells uv itself."""
    told = {}
    set_already = {OLDER_NAMES.get(name, name) for name in environment}
    lines = re.findall(r"^(global|install|:env:)\.([a-z-]+)=(.*)$", listed, re.MULTILINE)
    for _, name, value in sorted(lines, key=lambda line: ["global", "install", ":env:"].index(line[0])):
        variable = LIKE_PIP.get(name)
        if variable and variable not in set_already:
            several = ast.literal_eval(value).split()
            told[variable] = (("," if variable == "UV_FIND_LINKS" else " ").join)(several)
    # pip takes a version from whichever index has it; the hashes say that it is the right one
    return {"UV_INDEX_STRATEGY": "unsafe-best-match"} | told


def uv_lines(lock: str) -> str:
    """The lines of the lock that pin uv."""
    found = re.search(r"^uv==.*\\\n(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    if found is None:
        raise ValueError("requirements.txt pins no uv")
    return found[0]


def main() -> int:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()

    def run(*command, **options):
        return subprocess.run(command, check=True, **options)

    all_of_it = ["--require-hashes", "--requirement", str(LOCK)]
    package = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    quiet_pip = [*PIP, "install", "--quiet", "--disable-pip-version-check"]
    try:
        only_uv = Path(sys.prefix) / "uv-requirements.txt"
        only_uv.write_text(uv_lines(LOCK.read_text()))
        run(*quiet_pip, "--require-hashes", "--requirement", str(only_uv))
        listed = run(*PIP, "config", "list", stdout=subprocess.PIPE, text=True).stdout
        environment = os.environ | uv_settings(listed, os.environ)
        for what in (all_of_it, package):
            run(*UV, "install", "--quiet", "--python", sys.executable, *what, env=environment)
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        print(f"uv did not do it ({error}): pip does it, in a few minutes", file=sys.stderr)
        try:
            for what in (all_of_it, package):
                run(*quiet_pip, *what)
        except subprocess.CalledProcessError as failure:
            return failure.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
