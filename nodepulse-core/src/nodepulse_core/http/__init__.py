"""The agent's own HTTP: how it is, its metrics, and the API that changes it."""

from nodepulse_core.http.app import create_app
from nodepulse_core.http.listen import MAX_CONNECTIONS, Address, listening

__all__ = ["MAX_CONNECTIONS", "Address", "create_app", "listening"]
