"""A refund's Lambda is killed between every two lines from intent to outcome, and tried again.

The tool runs in a forked child that ends itself with SIGKILL before the n-th line of the path; nothing
of it is left but what it wrote to DynamoDB and what the vendor booked. Then time passes, and the same
call is made again until it says how it ended. The vendor's own books must show one refund: once with
a vendor that honours idempotency keys, once with one that ignores them.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import TYPE_CHECKING

import pytest
from fakes import FakeVendors

from functions.adapters.shopify.tools import ADAPTER
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import WireError
from nightshift.ids import StepId
from nightshift.model.log import EntryKind
from nightshift.model.tool import Outcome
from nightshift.tools import door as door_module
from nightshift.tools import run as run_module
from nightshift.tools.door import Door, StepCall
from nightshift.tools.run import run_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
