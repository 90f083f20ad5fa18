"""`python -m nodepulse_core` is the command `nodepulse`."""

from nodepulse_core.cli import main

main()
