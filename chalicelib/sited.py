"""The site of one process: as it lies in a folder, or as it is published."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.adapters import Adapters
from chalicelib.errors import UsageError

if TYPE_CHECKING:
    from chalicelib.content.following import Follower
    from chalicelib.content.load import LoadedSite
    from chalicelib.content.published import Shelf
    from chalicelib.content.values import Site

AGAIN_SECONDS = 30.0
"""So long a published site is used before a page looks whether there is another."""


class Sited(Adapters):
    """A house with a site in it."""

    @property
    def loaded(self) -> "LoadedSite":
        """The site with its problems: as it lies on the disk, or as it is published, looked for every 30 seconds.

        Where what is published can't be used, the last that could is. Raises BundleError before there is any.
        """
        if self.follower:
            return self.follower.keep(within=AGAIN_SECONDS)
        loaded: LoadedSite | None = self.__dict__.get("loaded")
        if loaded is None:
            from chalicelib.content.load import load_site

            loaded = self.__dict__["loaded"] = load_site(self.settings.site)
        return loaded

    @property
    def site(self) -> "Site":
        """The site. Raises ConfigurationError where it is broken, or none is published."""
        return self.loaded.require()

    @property
    def root(self) -> Path:
        """The folder that the site is read from. Raises BundleError where none is published."""
        return self.site.root if self.follower else self.settings.site

    @property
    def folder(self) -> Path:
        """The folder that editors write to. Raises UsageError where the site is what was published."""
        if self.follower:
            raise UsageError(
                "Nothing can be written to a site that was published.", "Do so where it lies: SENDBRIEF_CONTENT=folder."
            )
        return self.settings.site

    def reload(self) -> None:
        """Read the site again when it is next asked for."""
        self.__dict__.pop("loaded", None)

    @property
    def shelf(self) -> "Shelf":
        """What is published."""
        from chalicelib.content.published import Shelf

        return Shelf(self.table, self.blobs)

    @cached_property
    def follower(self) -> "Follower | None":
        """What follows the published site; None where the site is a folder."""
        if self.settings.content != "published":
            return None
        from chalicelib.content.following import Follower

        return Follower(lambda: self.shelf, self.settings.data / "bundles")

    def follow(self) -> None:
        """Take up what is published now, for whoever plans or composes. Raises ConfigurationError where it can't be."""
        if self.follower:
            self.follower.look()

    def follow_or_keep(self) -> None:
        """The same for whoever sends what is planned already: an older site serves as well as the newest."""
        if self.follower:
            self.follower.keep()
