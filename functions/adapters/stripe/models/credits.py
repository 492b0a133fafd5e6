"""Credit notes as Stripe keeps them."""

from functions.adapters.stripe.amounts import money
from functions.adapters.stripe.models.wire import Amount, Metadata, Ref, WireModel
from nightshift.money import Money

__all__ = ["CreditNoteNode", "PreviewNode"]


class PreviewNode(WireModel):
    """What a credit note would come to."""

    total: Amount
    currency: str

    def value(self) -> Money:
        """The total with taxes."""
        return money(self.total, self.currency)


class CreditNoteNode(PreviewNode):
    """A credit note that was issued."""

    id: str
    status: str
    invoice: Ref = None
    refund: Ref = None
    metadata: Metadata | None = None
