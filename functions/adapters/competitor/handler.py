"""The price feed's tools as one Lambda."""

from functions.adapters.competitor.tools import ADAPTER
from nightshift.wiring.adapter import tools_handler

handler = tools_handler(ADAPTER)
