"""Every request this adapter sends, by eBay's own names; each is held against the specification in tests."""

from dataclasses import dataclass

__all__ = [
    "ALL",
    "BULK_UPDATE",
    "CREATE_OFFER",
    "GET_ITEM",
    "GET_LOCATION",
    "GET_OFFERS",
    "GET_POLICY",
    "PUBLISH_OFFER",
    "PUT_ITEM",
    "TOKEN",
    "UPDATE_OFFER",
    "WITHDRAW_OFFER",
    "Operation",
]

_INVENTORY = "/sell/inventory/v1"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One request. `writes` decides what an unclear answer means: try again, or find out first.

    `{id}` in the path is where the id of a call goes; `worded` requests say their language.
    """

    name: str
    method: str
    path: str
    writes: bool = False
    worded: bool = False


GET_ITEM = Operation(name="getInventoryItem", method="GET", path=f"{_INVENTORY}/inventory_item/{{id}}")
PUT_ITEM = Operation(
    name="createOrReplaceInventoryItem",
    method="PUT",
    path=f"{_INVENTORY}/inventory_item/{{id}}",
    writes=True,
    worded=True,
)
GET_OFFERS = Operation(name="getOffers", method="GET", path=f"{_INVENTORY}/offer")
CREATE_OFFER = Operation(
    name="createOffer", method="POST", path=f"{_INVENTORY}/offer", writes=True, worded=True
)
UPDATE_OFFER = Operation(
    name="updateOffer", method="PUT", path=f"{_INVENTORY}/offer/{{id}}", writes=True, worded=True
)
PUBLISH_OFFER = Operation(
    name="publishOffer", method="POST", path=f"{_INVENTORY}/offer/{{id}}/publish", writes=True
)
WITHDRAW_OFFER = Operation(
    name="withdrawOffer", method="POST", path=f"{_INVENTORY}/offer/{{id}}/withdraw", writes=True
)
BULK_UPDATE = Operation(
    name="bulkUpdatePriceQuantity",
    method="POST",
    path=f"{_INVENTORY}/bulk_update_price_quantity",
    writes=True,
)
GET_LOCATION = Operation(name="getInventoryLocation", method="GET", path=f"{_INVENTORY}/location/{{id}}")
GET_POLICY = Operation(
    name="getFulfillmentPolicy", method="GET", path="/sell/account/v1/fulfillment_policy/{id}"
)
TOKEN = Operation(name="token", method="POST", path="/identity/v1/oauth2/token")

ALL: tuple[Operation, ...] = (
    GET_ITEM, PUT_ITEM, GET_OFFERS, CREATE_OFFER, UPDATE_OFFER, PUBLISH_OFFER, WITHDRAW_OFFER, BULK_UPDATE,
    GET_LOCATION, GET_POLICY,
)  # fmt: skip
"""Those of the selling APIs; the token endpoint has no specification of its own."""
