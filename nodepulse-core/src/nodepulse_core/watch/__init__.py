"""Whether the agent gets on: the event loop, the loops of targets and drain, and who holds them up."""
