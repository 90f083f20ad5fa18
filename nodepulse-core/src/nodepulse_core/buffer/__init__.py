"""Every scrape on disk, from the moment it was taken until it is delivered."""

from nodepulse_core.buffer.buffer import Buffer
from nodepulse_core.buffer.entry_file import decode, name_file
from nodepulse_core.buffer.listing import Listing
from nodepulse_core.buffer.lock import lock_holder, locked
from nodepulse_core.buffer.stock import Books, Limits
from nodepulse_core.buffer.store import Store

__all__ = ["Books", "Buffer", "Limits", "Listing", "Store", "decode", "lock_holder", "locked", "name_file"]
