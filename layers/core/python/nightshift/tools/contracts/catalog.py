"""Tools of the domain `catalog`: what a store says about a product."""

from typing import Annotated

from pydantic import Field, StringConstraints

from nightshift.model.base import Noun
from nightshift.model.tool import EffectClass
from nightshift.money import Money
from nightshift.tools.contract import ToolContract

__all__ = ["GET_PRODUCT", "GetProduct", "Product", "Sku"]

Sku = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]([ -~]*[!-~])?$")]
"""The seller's own name of what is sold, the same on every channel: printable ASCII."""


class GetProduct(Noun):
    """Which product."""

    sku: Sku


class Product(Noun):
    """What is sold under one SKU, as the channel has it now."""

    sku: Sku
    product: str = Field(description="the vendor's own id of the listing or variant")
    title: str
    description: str = Field(default="", description="plain text")
    brand: str = ""
    gtin: str = Field(default="", description="EAN, UPC or ISBN")
    images: tuple[str, ...] = Field(default=(), description="addresses of its pictures, the main one first")
    active: bool = Field(description="whether customers can buy it")
    price: Money | None = None
    quantity: int | None = Field(default=None, description="units for sale; null: not counted")


GET_PRODUCT = ToolContract(
    name="catalog.get_product",
    summary="Read a product by its SKU: its words, pictures, price and stock.",
    input=GetProduct,
    output=Product,
    effect=EffectClass.READ,
    permission="catalog:read",
    errors=("product.not_found", "product.ambiguous"),
    example={"sku": "MUG-BLUE"},
)
