"""eBay's tools as one Lambda."""

from functions.adapters.ebay.tools import ADAPTER
from nightshift.wiring.adapter import tools_handler

handler = tools_handler(ADAPTER)
