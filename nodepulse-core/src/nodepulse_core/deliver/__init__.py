"""From the buffer to the destination: what is sent when, and what its answers mean."""

from nodepulse_core.deliver.batch import BatchMaker
from nodepulse_core.deliver.delivery import Observers
from nodepulse_core.deliver.guard import GuardedSender
from nodepulse_core.deliver.http_sender import HTTPSender
from nodepulse_core.deliver.loop import Drain
from nodepulse_core.deliver.pending import Pending
from nodepulse_core.deliver.snapshot import SnapshotMaker, Unfit

__all__ = ["BatchMaker", "Drain", "GuardedSender", "HTTPSender", "Observers", "Pending", "SnapshotMaker", "Unfit"]
