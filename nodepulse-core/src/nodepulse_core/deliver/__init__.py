"""From the buffer to the destination: what is sent when, and what its answers mean."""

from nodepulse_core.deliver.batch import BatchMaker
from nodepulse_core.deliver.http_sender import HTTPSender
from nodepulse_core.deliver.loop import Drain, Observers
from nodepulse_core.deliver.pending import Pending

__all__ = ["BatchMaker", "Drain", "HTTPSender", "Observers", "Pending"]
