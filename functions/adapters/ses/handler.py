"""The mail channel's tools as one Lambda."""

from functions.adapters.ses.tools import ADAPTER
from nightshift.wiring.adapter import tools_handler

handler = tools_handler(ADAPTER)
