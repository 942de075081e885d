"""The signers of the links of one process's site, each with a purpose of its own."""

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.sited import Sited

if TYPE_CHECKING:
    from chalicelib.audience.tokens import (
        ChangeTokens,
        ConfirmTokens,
        DataTokens,
        PreferencesTokens,
        UnsubscribeTokens,
    )


class Signed(Sited):
    """A house that signs links and knows its own again."""

    @cached_property
    def tokens(self) -> "UnsubscribeTokens":
        """The signer of unsubscribe links."""
        from chalicelib.audience.tokens import UnsubscribeTokens

        return UnsubscribeTokens(self.secrets)

    @cached_property
    def preferences(self) -> "PreferencesTokens":
        """The signer of links to what a reader may choose."""
        from chalicelib.audience.tokens import PreferencesTokens

        return PreferencesTokens(self.secrets)

    @cached_property
    def confirmations(self) -> "ConfirmTokens":
        """The signer of links that confirm a subscription."""
        from chalicelib.audience.tokens import ConfirmTokens

        return ConfirmTokens(self.secrets)

    @cached_property
    def changes(self) -> "ChangeTokens":
        """The signer of links that confirm a new address."""
        from chalicelib.audience.tokens import ChangeTokens

        return ChangeTokens(self.secrets)

    @cached_property
    def data_links(self) -> "DataTokens":
        """The signer of links to all that is known of somebody."""
        from chalicelib.audience.tokens import DataTokens

        return DataTokens(self.secrets)
