"""Loading a whole site: site.yaml, newsletters and notes, with every problem in one go."""

from dataclasses import dataclass, replace
from pathlib import Path

from chalicelib.content.archives import read_archive
from chalicelib.content.newsletters import read_newsletters
from chalicelib.content.notes import read_notes
from chalicelib.content.problems import Problems
from chalicelib.content.site import read_site
from chalicelib.content.values import Problem, Site
from chalicelib.errors import ConfigurationError

BUILT_IN_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

NOTICES = {"confirm", "welcome"}
"""Templates of mails that are no edition."""


@dataclass(frozen=True, slots=True)
class LoadedSite:
    """``site`` is None where site.yaml or a newsletter is broken: nothing may be sent from it then.

    ``readable`` is what could be read all the same, only for checking the rest of the files in the same run.
    """

    site: Site | None
    problems: tuple[Problem, ...]
    readable: Site | None = None

    def require(self) -> Site:
        """The site, or a ConfigurationError that names the first problems."""
        if self.site is not None:
            return self.site
        errors = [p for p in self.problems if p.severity == "error"]
        shown = "; ".join(f"{p.file}:{p.line}: {p.message}" for p in errors[:3])
        more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
        raise ConfigurationError(f"The site can't be used: {shown}{more}.", "Mend it; 'sendbrief check' lists all.")


def load_site(root: Path) -> LoadedSite:
    """Read everything but posts and events, which are sources (see the collect room)."""
    problems = Problems()
    site, usable = read_site(root, problems)
    if site is None:
        return LoadedSite(None, tuple(problems.sorted()))
    newsletters, all_usable = read_newsletters(site, problems, template_names(root))
    notes = read_notes(site, newsletters, problems)
    archive = read_archive(site, newsletters, problems)
    site = replace(site, newsletters=newsletters, notes=notes, archive=archive)
    return LoadedSite(site if usable and all_usable else None, tuple(problems.sorted()), site)


def template_names(root: Path) -> tuple[str, ...]:
    """The mail templates a newsletter of this site may name: built in or the site's own."""
    folders = [base / "email" for base in (root / "templates", BUILT_IN_TEMPLATES)]
    found = {path.parent.name for folder in folders if folder.is_dir() for path in folder.glob("[!_]*/body.mjml")}
    return tuple(sorted(found - NOTICES))
