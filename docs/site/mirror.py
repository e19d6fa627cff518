"""The site's sources: the Markdown pages of the repository, with links that work on the site.

Pages keep their places: ``docs/tutorial.md`` becomes ``docs/tutorial.html``. What else they link to
is brought along. A file of code or settings is a section of a page about its folder, below
``files/``; any other file, such as a table of results, is copied and offered as a download.
"""

import shutil
from collections import defaultdict
from pathlib import Path, PurePosixPath

from docs.site import links, sections
from docs.site.sections import FRONT, WAYS

from reveil.errors import ReveilError
from reveil.files import write_text

# Endings of files that are shown, and the language to colour them in.
SHOWN = {
    **{".yaml": "yaml", ".yml": "yaml", ".cff": "yaml", ".py": "python", ".smk": "python"},
    **{".toml": "toml", ".txt": "text", ".sh": "bash", "": "text"},
}
INDEX, USE, FILES = "index.md", "use.md", "files/index.md"
# Pages that are parts of the front.
ON_FRONT = (FRONT, WAYS)


def pages_of(root: Path) -> list[str]:
    """Return the Markdown files that are pages of the site, as paths below ``root``."""
    found = [path for folder in sections.FOLDERS for path in sorted((root / folder).glob("*.md"))]
    return [FRONT, *(path.relative_to(root).as_posix() for path in found), *sections.ELSEWHERE]


def halves(front: str) -> tuple[str, str]:
    """Return the front page up to its second section, and what follows it."""
    place, seen = 0, 0
    for line, told in links.prose(front):
        seen += told and line.startswith("## ")
        if seen == 2:
            break
        place += len(line)
    return front[:place], front[place:]


class Mirror:
    """What is written, as far as it is known: grows while pages are read.

    Attributes:
        root: the repository.
        pages: its Markdown files -> where each stands among the sources.
        texts: place -> Markdown that is written there.
        copied: paths that are copied as they are.
        folders: path -> names of the files shown on its page.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pages = {page: page for page in pages_of(root)}
        self.texts: dict[str, str] = {}
        self.copied: set[str] = set()
        self.folders: dict[str, set[str]] = defaultdict(set)
        self.pages |= dict.fromkeys(ON_FRONT, INDEX)
        opening, self.use = halves(self.read(FRONT))
        self.opening_heads = {links.slug(words) for _, words in links.heads(opening)}
        self.opening = opening

    def read(self, page: str) -> str:
        """Return the text of a file of the repository."""
        return (self.root / page).read_text(encoding="utf-8")

    def linked(self, page: str, place: str, text: str) -> str:
        """Return the text of a page with destinations that hold at its place on the site."""

        def change(words: str, link: str) -> tuple[str, str]:
            return self._words(page, words, link), self._destination(page, place, link)

        return links.rewritten(text, change)

    def _words(self, page: str, words: str, link: str) -> str:
        """Return a heading in place of the name of its page's file, which says less on a site."""
        path, fragment = links.target(page, link)
        if not (words.endswith(".md") and path.endswith(words) and path in self.pages):
            return words
        if not fragment and path in sections.TITLES:
            return sections.TITLES[path]
        heads = [head for _, head in links.heads(self.read(path))]
        return next((head for head in heads if links.slug(head) == fragment), heads[0])

    def _destination(self, page: str, place: str, link: str) -> str:
        path, fragment = links.target(page, link)
        file = self.root / path
        if path.startswith("..") or not file.exists():
            raise ReveilError(f"{page}: the link {link!r} leads to no file of the repository")
        if path in self.pages:
            return links.between(place, self._half(path, fragment), fragment)
        if file.is_dir():
            self.folders[path] |= {f.name for f in file.iterdir() if f.is_file()}
            return links.between(place, folder_page(path))
        if file.suffix in SHOWN:
            folder = str(PurePosixPath(path).parent)
            self.folders[folder].add(file.name)
            return links.between(place, folder_page(folder), links.slug(file.name))
        self.copied.add(path)
        return links.between(place, path)

    def _half(self, path: str, fragment: str) -> str:
        if path == FRONT and fragment and fragment not in self.opening_heads:
            return USE
        return self.pages[path]

    def title(self, place: str) -> str:
        """Return the first heading of what is written at a place."""
        return next((words for _, words in links.heads(self.texts[place])), place)

    def gather(self) -> None:
        """Read every page, and make those that the site has by itself."""
        for page, place in self.pages.items():
            if place != INDEX:
                self.texts[place] = self.linked(page, place, self.read(page))
        self.texts[USE] = "# Ways of use, and what is measured\n\n" + self.linked(
            FRONT, USE, self.use
        )
        for folder in [f for f in self.folders if f.startswith("config/")]:
            self.folders[folder] |= {f.name for f in (self.root / folder).glob("*.yaml")}
        for folder, names in self.folders.items():
            self.texts[folder_page(folder)] = self._folder(folder, sorted(names))

    def _folder(self, folder: str, names: list[str]) -> str:
        place = folder_page(folder)
        title = "Top of the repository" if folder == "." else f"{folder}/"
        parts = [
            f"---\norphan: true\n---\n# {title}\n",
            "Of the repository, in the state that this site was made from.\n",
        ]
        below = sorted(
            f for f in self.folders if f != "." and str(PurePosixPath(f).parent) == folder
        )
        if folder != "." and below:
            parts += [f"- [{f}/]({links.between(place, folder_page(f))})" for f in below] + [""]
        for name in names:
            path = f"{folder}/{name}".removeprefix("./")
            if Path(name).suffix in SHOWN and not name.startswith("."):
                fence = f"```````{SHOWN[Path(name).suffix]}"
                parts.append(f"## `{name}`\n\n{fence}\n{self.read(path).rstrip()}\n```````\n")
            elif path in self.pages:
                parts.append(f"- [{name}]({links.between(place, self.pages[path])})")
            elif Path(name).suffix in {".csv", ".json"}:
                self.copied.add(path)
                parts.append(f"- [{name}]({links.between(place, path)})")
        return "\n".join(parts) + "\n"

    def write(self, out: Path) -> None:
        """Write the sources below ``out``, what has not changed aside, and remove all others."""
        for place, text in self.texts.items():
            file = out / place
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_text(file, text)
        for path in self.copied:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.root / path, out / path)
        kept = self.texts.keys() | self.copied
        for file in [f for f in out.rglob("*") if f.is_file()]:
            if file.relative_to(out).as_posix() not in kept:
                file.unlink()


def folder_page(folder: str) -> str:
    """Return the place of the page that shows files of a folder."""
    return "files/top.md" if folder == "." else f"files/{folder}.md"
