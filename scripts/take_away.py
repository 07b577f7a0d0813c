"""Make the book to take away: `python -m scripts.take_away pdf`, `epub` or `zip`, in `_build`.

The PDF needs XeLaTeX and librsvg, which are Debian packages; what is missing is named before anything is built. A line
of code or a figure that leaves its page, an unresolved reference or a missing letter is an error.
"""

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
NAME = "straight-lines"
# what the PDF needs, and the Debian package that has it
PROGRAMS = {"latexmk": "latexmk", "xelatex": "texlive-xetex", "rsvg-convert": "librsvg2-bin"}
TEX_FILES = {
    "tabulary.sty": "texlive-latex-extra",
    "fncychap.sty": "texlive-latex-extra",
    "FreeSerif.otf": "fonts-freefont-otf",
    "DejaVuSansMono.ttf": "fonts-dejavu-core",
}


def missing() -> list[str]:
    """The Debian packages that making the PDF lacks."""
    absent = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if shutil.which("kpsewhich"):
        for file, package in TEX_FILES.items():
            found = subprocess.run(["kpsewhich", file], capture_output=True, text=True).stdout.strip()
            if not found:
                absent.add(package)
    else:
        absent |= set(TEX_FILES.values())
    return sorted(absent)


def build(builder: list[str], output: Path | None = None) -> None:
    """Let jupyter-book build, strictly."""
    command = [Path(sys.executable).with_name("jupyter-book"), "build", str(ROOT), "--all", "-W", "-n", "--keep-going"]
    where = ["--path-output", str(output)] if output else []
    done = subprocess.run([*command, "--quiet", *builder, *where], cwd=ROOT)
    if done.returncode:
        sys.exit(done.returncode)


def complaints(log: str) -> list[str]:
    """What is wrong with a document, by the log of XeLaTeX."""
    log = re.sub(r"(?<=[^\n]{79})\n", "", log)  # it breaks its lines
    found = re.findall(r"LaTeX Warning: (?:Reference|Citation|Hyper reference) .*? undefined", log)
    found += re.findall(r"LaTeX Warning: (Float too large for page by [\d.]+pt)", log)
    # what a long formula adds is not seen, a line that leaves the page is
    for points in re.findall(r"Overfull \\vbox \(([\d.]+)pt too high\) has occurred while \\output", log):
        if float(points) > 10:
            found.append(f"a page is {points} pt too full")
    found += sorted(set(re.findall(r"Missing character: .*?(?=\n)", log)))
    # code is the only text in the typewriter font, and a point more than the page's width is seen
    for points, text in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)[^\n]*\n([^\n]*)", log):
        if "DejaVuSansMono" in text and float(points) > 1:
            found.append(f"a line of code is {points} pt too wide: {text}")
    return found


def pdf() -> Path:
    """The whole book by XeLaTeX."""
    packages = missing()
    if packages:
        sys.exit(f"make pdf needs more Debian packages: apt-get install {' '.join(packages)}")
    work = BUILD / "latex"
    shutil.rmtree(work, ignore_errors=True)
    build(["--builder", "latex"])
    options = ["-xelatex", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error", "-silent"]
    done = subprocess.run(["latexmk", *options, "book.tex"], cwd=work, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"XeLaTeX failed, see {work / 'book.log'}\n{done.stdout[-2000:]}")
    wrong = complaints((work / "book.log").read_text(errors="replace"))
    if wrong:
        sys.exit("\n".join([f"{len(wrong)} faults in the PDF:", *wrong]))
    return Path(shutil.copyfile(work / "book.pdf", BUILD / f"{NAME}.pdf"))


def declare_formulas(source: Path, target: Path) -> None:
    """Say in an ePub's list of files which of them have MathML, as its standard asks."""
    with zipfile.ZipFile(source) as given, zipfile.ZipFile(target, "w") as written:
        for entry in given.infolist():
            content = given.read(entry)
            if entry.filename.endswith(".opf"):
                with_formulas = {
                    name for name in given.namelist() if name.endswith(".xhtml") and b"<math" in given.read(name)
                }
                for name in sorted(with_formulas):
                    item = rf'(<item [^>]*href="{re.escape(name)}")'
                    content = re.sub(item, r'\1 properties="mathml"', content.decode()).encode()
            written.writestr(entry, content)


def epub() -> Path:
    """The book for readers of ePub, checked by epubcheck where it is installed."""
    work = BUILD / "epub"
    shutil.rmtree(work, ignore_errors=True)
    build(["--builder", "custom", "--custom-builder", "epub"])
    (built,) = work.glob("*.epub")
    made = BUILD / f"{NAME}.epub"
    declare_formulas(built, made)
    checker = shutil.which("epubcheck")
    if checker and shutil.which("java"):
        jar = zipfile.is_zipfile(checker)  # as in Debian, where not every kernel runs it as a program
        done = subprocess.run(
            [*(["java", "-jar"] if jar else []), checker, "--failonwarnings", str(made)], capture_output=True, text=True
        )
        if done.returncode:
            made.unlink()
            sys.exit(f"epubcheck finds errors:\n{done.stdout}{done.stderr}"[:4000])
    else:
        print("The ePub is not checked: apt-get install epubcheck default-jre-headless")
    return made


def archive() -> Path:
    """The pages in one file, which opens from disk."""
    work = BUILD / "zip"
    shutil.rmtree(work, ignore_errors=True)
    build([], output=work)
    pages = work / "_build" / "html"
    target = BUILD / f"{NAME}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(path for path in pages.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{NAME}/{path.relative_to(pages).as_posix()}")  # without a date
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    shutil.rmtree(work)
    return target


if __name__ == "__main__":
    makers = {"pdf": pdf, "epub": epub, "zip": archive}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=makers)
    made = makers[parser.parse_args().kind]()
    print(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1e6:.1f} MB")
