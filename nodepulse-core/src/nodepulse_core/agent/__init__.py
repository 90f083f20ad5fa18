"""The whole: one agent, built from a plan; what may be asked of it, and what it tells of itself."""

from nodepulse_core.agent.agent import Agent
from nodepulse_core.agent.plan import Plan, Wanted

__all__ = ["Agent", "Plan", "Wanted"]
