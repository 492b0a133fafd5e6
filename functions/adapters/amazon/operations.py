"""Every request this adapter makes: its verb, its path, and what else its query asks for.

`ALL` is what tests check.
"""

from dataclasses import dataclass, field

__all__ = ["ALL", "API_VERSION", "DELETE", "GET", "PARTICIPATIONS", "PATCH", "PUT", "SEARCH", "Operation"]

API_VERSION = "2021-08-01"
_SELLER = f"/listings/{API_VERSION}/items/{{sellerId}}"
_ITEM = f"{_SELLER}/{{sku}}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One kind of request.

    Args:
        name: Amazon's name of it: `getListingsItem`.
        method: the verb; everything but `GET` changes something.
        path: as Amazon's specification writes it.
        query: parameters that are always the same.
        of_marketplace: it is about one marketplace, which the query names.
    """

    name: str
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    of_marketplace: bool = True

    @property
    def writes(self) -> bool:
        """Whether it could change something."""
        return self.method != "GET"


GET = Operation(
    name="getListingsItem",
    method="GET",
    path=_ITEM,
    query={"includedData": "summaries,attributes,issues,offers,fulfillmentAvailability"},
)
PUT = Operation(name="putListingsItem", method="PUT", path=_ITEM, query={"includedData": "issues"})
PATCH = Operation(name="patchListingsItem", method="PATCH", path=_ITEM, query={"includedData": "issues"})
DELETE = Operation(name="deleteListingsItem", method="DELETE", path=_ITEM)
SEARCH = Operation(name="searchListingsItems", method="GET", path=_SELLER, query={"pageSize": "1"})
PARTICIPATIONS = Operation(
    name="getMarketplaceParticipations",
    method="GET",
    path="/sellers/v1/marketplaceParticipations",
    of_marketplace=False,
)

ALL = (GET, PUT, PATCH, DELETE, SEARCH, PARTICIPATIONS)
