"""Amazon's tools as one Lambda."""

from functions.adapters.amazon.tools import ADAPTER
from nightshift.wiring.adapter import tools_handler

handler = tools_handler(ADAPTER)
