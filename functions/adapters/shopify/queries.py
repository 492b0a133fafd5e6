"""Every GraphQL document this adapter sends; each is validated against the official schema in tests."""

from dataclasses import dataclass

__all__ = [
    "ALL",
    "API_VERSION",
    "CUSTOMER",
    "INVENTORY_SET",
    "JOB",
    "LINES",
    "MONEY_STATE",
    "ORDER",
    "ORDERS_BY_NAME",
    "ORDER_CANCEL",
    "ORDER_UPDATE",
    "PRICE_SET",
    "QUOTE",
    "REFUND_CREATE",
    "REFUND_STATE",
    "SHOP",
    "VARIANT",
    "VARIANT_WORDS",
    "WEBHOOKS",
    "WEBHOOK_CREATE",
    "WEBHOOK_UPDATE",
    "Operation",
]

API_VERSION = "2026-07"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One document. `writes` decides what an unclear answer means: try again, or find out first."""

    name: str
    document: str
    writes: bool = False


_MONEY = "{ presentmentMoney { amount currencyCode } }"

_CUSTOMER = """
fragment CustomerFields on Customer {
  id displayName locale numberOfOrders defaultEmailAddress { emailAddress }
}
"""

_LINES = f"""
fragment LineFields on LineItemConnection {{
  nodes {{
    id sku title quantity refundableQuantity discountedUnitPriceAfterAllDiscountsSet {_MONEY}
  }}
  pageInfo {{ hasNextPage endCursor }}
}}
"""

_PROGRESS = """
fragment Progress on Order {
  id name cancelledAt merchantEditable displayFulfillmentStatus
  cancellation { staffNote }
  fulfillmentOrders(first: 20) { nodes { status requestStatus } }
}
"""

_MONEY_STATE = f"""
fragment MoneyState on Order {{
  ...Progress
  totalReceivedSet {_MONEY}
  totalRefundedSet {_MONEY}
  transactions(first: 100) {{
    id kind status gateway amountSet {_MONEY} parentTransaction {{ id }}
  }}
  refunds(first: 50) {{
    id note createdAt totalRefundedSet {_MONEY}
    transactions(first: 5) {{ nodes {{ id status amountSet {_MONEY} }} }}
  }}
}}
"""

_ORDER = f"""
fragment OrderFields on Order {{
  ...Progress
  createdAt updatedAt
  totalPriceSet {_MONEY}
  totalReceivedSet {_MONEY}
  totalRefundedSet {_MONEY}
  risk {{ recommendation assessments {{ riskLevel }} }}
  customer {{ ...CustomerFields }}
  shippingAddress {{ name address1 address2 city province provinceCode zip countryCodeV2 }}
  lineItems(first: 100) {{ ...LineFields }}
  transactions(first: 100) {{
    id kind status gateway amountSet {_MONEY} parentTransaction {{ id }}
  }}
  refunds(first: 50) {{ id note createdAt totalRefundedSet {_MONEY} }}
  fulfillments(first: 20) {{
    id status displayStatus createdAt deliveredAt estimatedDeliveryAt
    trackingInfo(first: 1) {{ company number url }}
  }}
}}
"""

ORDER = Operation(
    name="Order",
    document=f"""
query Order($id: ID!) {{ order(id: $id) {{ ...OrderFields }} }}
{_ORDER}{_PROGRESS}{_LINES}{_CUSTOMER}""",
)

ORDERS_BY_NAME = Operation(
    name="OrdersByName",
    document=f"""
query OrdersByName($query: String!) {{ orders(first: 5, query: $query) {{ nodes {{ ...OrderFields }} }} }}
{_ORDER}{_PROGRESS}{_LINES}{_CUSTOMER}""",
)

LINES = Operation(
    name="OrderLines",
    document=f"""
query OrderLines($id: ID!, $after: String!) {{
  order(id: $id) {{ lineItems(first: 100, after: $after) {{ ...LineFields }} }}
}}
{_LINES}""",
)

CUSTOMER = Operation(
    name="Customer",
    document=f"""
query Customer($id: ID!) {{ customer(id: $id) {{ ...CustomerFields }} }}
{_CUSTOMER}""",
)

MONEY_STATE = Operation(
    name="MoneyState",
    document=f"""
query MoneyState($id: ID!) {{ order(id: $id) {{ ...MoneyState }} }}
{_MONEY_STATE}{_PROGRESS}""",
)

REFUND_STATE = Operation(
    name="RefundState",
    document=f"""
query RefundState($id: ID!, $lines: [RefundLineItemInput!], $restock: Boolean!) {{
  order(id: $id) {{
    ...MoneyState
    lineItems(first: 100) {{ nodes {{ id refundableQuantity }} }}
    suggestedRefund(refundLineItems: $lines) @include(if: $restock) {{
      refundLineItems {{ lineItem {{ id }} location {{ id }} }}
    }}
  }}
}}
{_MONEY_STATE}{_PROGRESS}""",
)

QUOTE = Operation(
    name="QuoteRefund",
    document=f"""
query QuoteRefund($id: ID!, $lines: [RefundLineItemInput!], $shipping: Boolean!, $full: Boolean!) {{
  order(id: $id) {{
    ...MoneyState
    suggestedRefund(refundLineItems: $lines, refundShipping: $shipping, suggestFullRefund: $full) {{
      amountSet {_MONEY}
      maximumRefundableSet {_MONEY}
      refundLineItems {{ quantity lineItem {{ id }} location {{ id }} }}
      suggestedTransactions {{
        gateway amountSet {_MONEY} maximumRefundableSet {_MONEY} parentTransaction {{ id }}
      }}
    }}
  }}
}}
{_MONEY_STATE}{_PROGRESS}""",
)

REFUND_CREATE = Operation(
    name="RefundCreate",
    writes=True,
    document="""
mutation RefundCreate($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund { id }
    userErrors { field message }
  }
}
""",
)

ORDER_CANCEL = Operation(
    name="OrderCancel",
    writes=True,
    document="""
mutation OrderCancel(
  $orderId: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $notify: Boolean!, $note: String!
  $refundMethod: OrderCancelRefundMethodInput!
) {
  orderCancel(
    orderId: $orderId, reason: $reason, restock: $restock, notifyCustomer: $notify
    staffNote: $note, refundMethod: $refundMethod
  ) {
    job { id done }
    orderCancelUserErrors { field message code }
  }
}
""",
)

JOB = Operation(name="Job", document="query Job($id: ID!) { job(id: $id) { id done } }")

ORDER_UPDATE = Operation(
    name="OrderUpdate",
    writes=True,
    document="""
mutation OrderUpdate($input: OrderInput!) {
  orderUpdate(input: $input) { order { id } userErrors { field message } }
}
""",
)

_VARIANT = """
fragment VariantFields on ProductVariant {
  id sku price barcode inventoryQuantity
  inventoryItem {
    id tracked
    inventoryLevels(first: 50) {
      nodes { location { id } quantities(names: ["available"]) { name quantity } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

VARIANT = Operation(
    name="Variant",
    document=f"""
query Variant($query: String!) {{
  shop {{ currencyCode }}
  productVariants(first: 10, query: $query) {{ nodes {{ ...VariantFields product {{ id status }} }} }}
}}
{_VARIANT}""",
)

VARIANT_WORDS = Operation(
    name="VariantWords",
    document=f"""
query VariantWords($query: String!) {{
  shop {{ currencyCode }}
  productVariants(first: 10, query: $query) {{
    nodes {{
      ...VariantFields
      product {{
        id status title description vendor media(first: 10) {{ nodes {{ preview {{ image {{ url }} }} }} }}
      }}
    }}
  }}
}}
{_VARIANT}""",
)

PRICE_SET = Operation(
    name="PriceSet",
    writes=True,
    document="""
mutation PriceSet($productId: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $productId, variants: $variants) {
    productVariants { id price }
    userErrors { field message code }
  }
}
""",
)

INVENTORY_SET = Operation(
    name="InventorySet",
    writes=True,
    document="""
mutation InventorySet($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { field message code }
  }
}
""",
)

SHOP = Operation(
    name="Shop",
    document="""
query Shop {
  shop { name myshopifyDomain }
  currentAppInstallation { accessScopes { handle } }
}
""",
)

WEBHOOKS = Operation(
    name="Webhooks",
    document="""
query Webhooks($topics: [WebhookSubscriptionTopic!], $after: String) {
  webhookSubscriptions(first: 100, topics: $topics, after: $after) {
    nodes { id topic uri format filter includeFields }
    pageInfo { hasNextPage endCursor }
  }
}
""",
)

WEBHOOK_CREATE = Operation(
    name="WebhookCreate",
    writes=True,
    document="""
mutation WebhookCreate($topic: WebhookSubscriptionTopic!, $webhook: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhook) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
""",
)

WEBHOOK_UPDATE = Operation(
    name="WebhookUpdate",
    writes=True,
    document="""
mutation WebhookUpdate($id: ID!, $webhook: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $webhook) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
""",
)

ALL: tuple[Operation, ...] = (
    ORDER, ORDERS_BY_NAME, LINES, CUSTOMER, MONEY_STATE, REFUND_STATE, QUOTE, REFUND_CREATE, ORDER_CANCEL,
    JOB, ORDER_UPDATE, VARIANT, VARIANT_WORDS, PRICE_SET, INVENTORY_SET, SHOP, WEBHOOKS,
    WEBHOOK_CREATE, WEBHOOK_UPDATE,
)  # fmt: skip
