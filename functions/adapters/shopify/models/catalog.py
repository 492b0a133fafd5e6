"""Variants as Shopify gives them: prices, stock by location, a product's words."""

from pydantic import Field, model_validator

from functions.adapters.shopify.models.wire import Page, Ref, UserError, WireModel
from nightshift.errors import BadInput
from nightshift.money import Money

__all__ = [
    "InventoryAnswer",
    "LevelNode",
    "PriceAnswer",
    "VariantAnswer",
    "VariantNode",
    "WordedVariantNode",
    "WordsAnswer",
]

_AVAILABLE = "available"
_FOR_SALE = frozenset({"ACTIVE", "UNLISTED"})


class _Quantity(WireModel):
    name: str
    quantity: int


class LevelNode(WireModel):
    """What one location has."""

    location: Ref
    quantities: tuple[_Quantity, ...]

    def available(self) -> int:
        """Units that can be sold; what a location does not count is none."""
        return next((each.quantity for each in self.quantities if each.name == _AVAILABLE), 0)


class _Levels(WireModel):
    nodes: tuple[LevelNode, ...]
    page_info: Page


class _InventoryItem(WireModel):
    id: str
    tracked: bool
    inventory_levels: _Levels


class _Product(WireModel):
    id: str
    status: str


class VariantNode(WireModel):
    """One variant; its price is a decimal in the shop's own currency."""

    id: str
    sku: str | None = None
    price: str
    barcode: str | None = None
    inventory_quantity: int | None = None
    inventory_item: _InventoryItem
    product: _Product


class _Image(WireModel):
    url: str


class _Preview(WireModel):
    image: _Image | None = None


class _Media(WireModel):
    preview: _Preview | None = None


class _MediaList(WireModel):
    nodes: tuple[_Media, ...]


class _WordedProduct(_Product):
    title: str
    description: str
    vendor: str
    media: _MediaList

    def for_sale(self) -> bool:
        """Whether customers can buy it, found or by its address."""
        return self.status in _FOR_SALE

    def images(self) -> tuple[str, ...]:
        """The pictures' addresses, in their order."""
        shown = (each.preview.image.url for each in self.media.nodes if each.preview and each.preview.image)
        return tuple(shown)


class WordedVariantNode(VariantNode):
    """One variant with the words and pictures of its product."""

    product: _WordedProduct


class _Shop(WireModel):
    currency_code: str


def _priced(variants: tuple[VariantNode, ...], currency: str) -> None:
    for each in variants:
        try:
            Money.parse(each.price, currency)
        except BadInput as exc:
            raise ValueError(exc.problem) from exc


class _Variants(WireModel):
    nodes: tuple[VariantNode, ...]


class VariantAnswer(WireModel):
    """Variants whose SKU is near the words of a search, and the currency of their prices."""

    shop: _Shop
    product_variants: _Variants

    @model_validator(mode="after")
    def _prices_are_money(self) -> "VariantAnswer":
        _priced(self.product_variants.nodes, self.shop.currency_code)
        return self


class _WordedVariants(WireModel):
    nodes: tuple[WordedVariantNode, ...]


class WordsAnswer(WireModel):
    """The same with words and pictures."""

    shop: _Shop
    product_variants: _WordedVariants

    @model_validator(mode="after")
    def _prices_are_money(self) -> "WordsAnswer":
        _priced(self.product_variants.nodes, self.shop.currency_code)
        return self


class _PricedVariant(WireModel):
    id: str
    price: str


class _PriceChange(WireModel):
    product_variants: tuple[_PricedVariant, ...] | None = None
    user_errors: tuple[UserError, ...] = ()


class PriceAnswer(WireModel):
    """What came of new prices."""

    change: _PriceChange = Field(alias="productVariantsBulkUpdate")


class _QuantityChange(WireModel):
    inventory_adjustment_group: Ref | None = None
    user_errors: tuple[UserError, ...] = ()


class InventoryAnswer(WireModel):
    """What came of a new quantity; a quantity that was right already makes no adjustment."""

    change: _QuantityChange = Field(alias="inventorySetQuantities")
