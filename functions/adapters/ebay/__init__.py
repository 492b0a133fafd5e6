"""eBay: listings, prices and stock over the Sell Inventory API."""
