"""Every scrape on disk, from the moment it was taken until it is delivered."""

from nodepulse_core.buffer.buffer import Books, Buffer, Limits
from nodepulse_core.buffer.lock import lock_holder
from nodepulse_core.buffer.store import Listing, Store

__all__ = ["Books", "Buffer", "Limits", "Listing", "Store", "lock_holder"]
