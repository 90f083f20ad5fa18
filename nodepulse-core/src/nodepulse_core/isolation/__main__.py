"""`python -m nodepulse_core.isolation TARGET TYPE`: started by the agent, which talks to it over its pipes."""

from nodepulse_core.isolation.service import serve

if __name__ == "__main__":
    serve()
