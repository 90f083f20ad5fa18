"""The agent's own HTTP: how it is, its metrics, and the API that changes it."""

from nodepulse_core.http.app import create_app
from nodepulse_core.http.guard import Guard
from nodepulse_core.http.listen import MAX_CONNECTIONS, Address, listening
from nodepulse_core.http.token import Token

__all__ = ["MAX_CONNECTIONS", "Address", "Guard", "Token", "create_app", "listening"]
